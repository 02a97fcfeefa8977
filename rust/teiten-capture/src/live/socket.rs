//! The packet socket: opened, told what to let through, bound, asked for its counters.

use std::ffi::CString;
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use super::{Filter, LiveError};

/// `ETH_P_ALL` in network byte order, as `sockaddr_ll` wants it.
const EVERY_PROTOCOL: u16 = 3_u16.to_be();
/// `PACKET_MR_PROMISC` of `linux/if_packet.h`.
const PROMISCUOUS: libc::c_ushort = 1;
/// `AF_PACKET` as `sockaddr_ll` holds it.
const PACKET_FAMILY: libc::c_ushort = 17;

/// A raw packet socket, which receives nothing until it is bound.
#[derive(Debug)]
pub(super) struct PacketSocket {
    descriptor: OwnedFd,
}

impl PacketSocket {
    /// Opens the socket for no protocol, so that no packet comes before the filter stands.
    pub(super) fn open() -> Result<Self, LiveError> {
        // SAFETY: no pointer is passed, and the result is checked before it is used.
        let descriptor =
            unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if descriptor < 0 {
            return Err(LiveError::last(
                "open a packet socket, which needs CAP_NET_RAW",
            ));
        }
        // SAFETY: the kernel has just given this descriptor to us and to nobody else.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        Ok(Self { descriptor })
    }

    /// The descriptor's number.
    pub(super) fn raw(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }

    /// Sets a socket option to a plain C structure or number.
    pub(super) fn set<T: Copy>(
        &self,
        level: libc::c_int,
        option: libc::c_int,
        value: &T,
        what: &'static str,
    ) -> Result<(), LiveError> {
        // SAFETY: `value` points to that many bytes, which live through the call and are only read.
        let done = unsafe {
            libc::setsockopt(
                self.raw(),
                level,
                option,
                std::ptr::from_ref(value).cast(),
                length_of::<T>(),
            )
        };
        if done == 0 {
            Ok(())
        } else {
            Err(LiveError::last(what))
        }
    }

    /// Attaches a classic BPF program: packets that it refuses never reach the ring.
    pub(super) fn attach(&self, filter: &Filter) -> Result<(), LiveError> {
        self.set_program(
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            filter,
            "attach the filter",
        )
    }

    /// Has a program say which socket of the group that this one joined a packet goes to.
    pub(super) fn spread(&self, program: &Filter) -> Result<(), LiveError> {
        self.set_program(
            libc::SOL_PACKET,
            libc::PACKET_FANOUT_DATA,
            program,
            "spread the packets over the fanout group",
        )
    }

    fn set_program(
        &self,
        level: libc::c_int,
        option: libc::c_int,
        filter: &Filter,
        what: &'static str,
    ) -> Result<(), LiveError> {
        let mut program: Vec<libc::sock_filter> = filter
            .instructions
            .iter()
            .map(|&(code, jt, jf, k)| libc::sock_filter { code, jt, jf, k })
            .collect();
        let header = libc::sock_fprog {
            len: u16::try_from(program.len()).map_err(|_| LiveError::Filter(program.len()))?,
            filter: program.as_mut_ptr(),
        };
        self.set(level, option, &header, what)
    }

    /// Takes the filter off: every packet reaches the ring.
    pub(super) fn detach(&self) -> Result<(), LiveError> {
        let unused: libc::c_int = 0;
        self.set(
            libc::SOL_SOCKET,
            libc::SO_DETACH_FILTER,
            &unused,
            "take the filter off",
        )
    }

    /// Has the interface take frames that are not addressed to it, for as long as the socket is open.
    pub(super) fn make_promiscuous(&self, interface: libc::c_int) -> Result<(), LiveError> {
        let membership = libc::packet_mreq {
            mr_ifindex: interface,
            mr_type: PROMISCUOUS,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        self.set(
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            &membership,
            "make the interface promiscuous",
        )
    }

    /// Starts to receive every protocol's packets of one interface.
    pub(super) fn bind(&self, interface: libc::c_int) -> Result<(), LiveError> {
        // SAFETY: `sockaddr_ll` is plain numbers, for which all zeros is a value.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = PACKET_FAMILY;
        address.sll_protocol = EVERY_PROTOCOL;
        address.sll_ifindex = interface;
        // SAFETY: `address` is a `sockaddr_ll` of the length given, and is only read.
        let done = unsafe {
            libc::bind(
                self.raw(),
                std::ptr::from_ref(&address).cast(),
                length_of::<libc::sockaddr_ll>(),
            )
        };
        if done == 0 {
            Ok(())
        } else {
            Err(LiveError::last("bind to the interface"))
        }
    }

    /// The hardware type (`ARPHRD_*`) of an interface.
    pub(super) fn hardware_type(&self, interface: &str) -> Result<u16, LiveError> {
        // SAFETY: `ifreq` is plain bytes and numbers, for which all zeros is a value.
        let mut request: libc::ifreq = unsafe { zeroed() };
        if interface.len() >= request.ifr_name.len() {
            return Err(LiveError::NoInterface(interface.to_owned()));
        }
        for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
            *to = libc::c_char::from_ne_bytes([from]);
        }
        // SAFETY: `request` is an `ifreq` with a terminated name, which the kernel reads and fills.
        if unsafe {
            libc::ioctl(
                self.raw(),
                libc::SIOCGIFHWADDR,
                std::ptr::from_mut(&mut request),
            )
        } != 0
        {
            return Err(LiveError::last("ask for the interface's hardware type"));
        }
        // SAFETY: SIOCGIFHWADDR fills this member of the union.
        Ok(unsafe { request.ifr_ifru.ifru_hwaddr.sa_family })
    }

    /// The kernel's counters since the last call (`PACKET_STATISTICS` clears them).
    pub(super) fn statistics(&self) -> Result<libc::tpacket_stats_v3, LiveError> {
        // SAFETY: `tpacket_stats_v3` is plain numbers, for which all zeros is a value.
        let mut statistics: libc::tpacket_stats_v3 = unsafe { zeroed() };
        let mut length = length_of::<libc::tpacket_stats_v3>();
        // SAFETY: the kernel writes at most `length` bytes into `statistics`.
        let done = unsafe {
            libc::getsockopt(
                self.raw(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                std::ptr::from_mut(&mut statistics).cast(),
                &raw mut length,
            )
        };
        if done == 0 {
            Ok(statistics)
        } else {
            Err(LiveError::last("read the kernel's packet counters"))
        }
    }

    /// Waits until a block is ready; `false` when the time is over or a signal came first.
    pub(super) fn wait(&self, patience: Duration) -> Result<bool, LiveError> {
        let mut poll = libc::pollfd {
            fd: self.raw(),
            events: libc::POLLIN,
            revents: 0,
        };
        let milliseconds = libc::c_int::try_from(patience.as_millis()).unwrap_or(libc::c_int::MAX);
        // SAFETY: one `pollfd` is passed, and the count says so.
        let ready = unsafe { libc::poll(&raw mut poll, 1, milliseconds) };
        if ready >= 0 {
            return if poll.revents & (libc::POLLERR | libc::POLLNVAL) == 0 {
                Ok(ready > 0)
            } else {
                Err(LiveError::System {
                    what: "wait for packets",
                    error: self.pending_error(),
                })
            };
        }
        let error = io::Error::last_os_error();
        if error.kind() == io::ErrorKind::Interrupted {
            Ok(false)
        } else {
            Err(LiveError::System {
                what: "wait for packets",
                error,
            })
        }
    }

    /// The error that the socket holds (`SO_ERROR`): the interface went down, or away.
    fn pending_error(&self) -> io::Error {
        let mut number: libc::c_int = 0;
        let mut length = length_of::<libc::c_int>();
        // SAFETY: the kernel writes at most `length` bytes into `number`.
        unsafe {
            libc::getsockopt(
                self.raw(),
                libc::SOL_SOCKET,
                libc::SO_ERROR,
                std::ptr::from_mut(&mut number).cast(),
                &raw mut length,
            );
        }
        io::Error::from_raw_os_error(number)
    }
}

/// The index of an interface by its name.
pub(super) fn interface_index(name: &str) -> Result<libc::c_int, LiveError> {
    let missing = || LiveError::NoInterface(name.to_owned());
    let text = CString::new(name).map_err(|_| missing())?;
    // SAFETY: `text` is a terminated string that lives through the call.
    let index = unsafe { libc::if_nametoindex(text.as_ptr()) };
    match libc::c_int::try_from(index) {
        Ok(index) if index > 0 => Ok(index),
        _ => Err(missing()),
    }
}

/// The size of a plain C structure as the socket calls want it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "no such structure has 4 GiB"
)]
const fn length_of<T>() -> libc::socklen_t {
    size_of::<T>() as libc::socklen_t
}
