#!/usr/bin/env bash
# Keys that sign releases, for development: made once below CARGO_TARGET_DIR/image/keys, and never part of an image or a
# bundle, which hold certificates alone.
#
# For sensors in the field, put files of the same names there that were made elsewhere: authority.pem is what a sensor
# trusts, signer.pem a certificate of that authority, signer.key its key. The authority's own key is needed for neither.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
keys=$(realpath -m "${CARGO_TARGET_DIR:-$here/../../target}")/image/keys
[[ -e $keys/signer.pem && -e $keys/signer.key && -e $keys/authority.pem ]] && exit 0
echo "image: keys for development, in $keys" >&2
mkdir -p "$keys"
cd "$keys"
umask 077
curve=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
openssl req -x509 "${curve[@]}" -days 7300 -subj "/CN=teiten development releases" -addext basicConstraints=critical,CA:TRUE \
  -addext keyUsage=critical,keyCertSign,cRLSign -keyout authority.key -out authority.pem 2>/dev/null
openssl req "${curve[@]}" -subj "/CN=teiten development signer" -keyout signer.key -out signer.csr 2>/dev/null
openssl x509 -req -in signer.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 7300 -out signer.pem \
  -extfile <(printf '%s\n' basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature \
    extendedKeyUsage=critical,emailProtection) 2>/dev/null
rm -f signer.csr authority.srl
