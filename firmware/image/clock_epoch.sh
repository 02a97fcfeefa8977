#!/bin/sh
# clock_epoch.sh ROOT: no clock of a board that runs this root is behind SOURCE_DATE_EPOCH.
#
# The first thing that systemd 252 does as PID 1 is to set a clock that is behind the modification time of this file
# forward to it (`clock_apply_epoch` in src/shared/clock-util.c); without the file, to the day it was itself built.
set -eu
: >"$1/usr/lib/clock-epoch"
touch --date="@$SOURCE_DATE_EPOCH" "$1/usr/lib/clock-epoch"
