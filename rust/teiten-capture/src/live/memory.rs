//! The memory that kernel and sensor share, and whose turn it is.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use super::socket::PacketSocket;
use super::{BLOCK_BYTES, LiveError};

const BLOCK: usize = BLOCK_BYTES as usize;
/// Offset of `block_status` in `struct tpacket_block_desc` (`linux/if_packet.h`).
const STATUS_OFFSET: usize = 8;
/// `TP_STATUS_USER`: the block is ours to read.
const STATUS_USER: u32 = 1;
/// `TP_STATUS_KERNEL`: the block is the kernel's to fill.
const STATUS_KERNEL: u32 = 0;

/// The ring's blocks, mapped from the socket.
#[derive(Debug)]
pub(super) struct SharedMemory {
    start: NonNull<u8>,
    blocks: usize,
    origin: Origin,
}

/// Where the memory is from, and so how it is given up.
#[derive(Debug)]
enum Origin {
    Socket,
    #[cfg(test)]
    Allocation,
}

// SAFETY: the mapping belongs to this value alone and is reached through `&self` and `&mut self` only; nothing in it is
// bound to the thread that made it.
unsafe impl Send for SharedMemory {}

impl SharedMemory {
    /// Maps a ring of so many blocks, which the socket must have been told to make.
    pub(super) fn map(socket: &PacketSocket, blocks: usize) -> Result<Self, LiveError> {
        // SAFETY: a new shared mapping of a descriptor we own; the kernel chooses the place, and refuses a length that is
        // not the ring's.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                blocks * BLOCK,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                socket.raw(),
                0,
            )
        };
        match NonNull::new(start.cast::<u8>()) {
            Some(memory) if start != libc::MAP_FAILED => Ok(Self {
                start: memory,
                blocks,
                origin: Origin::Socket,
            }),
            _ => Err(LiveError::last("map the ring")),
        }
    }

    /// How many blocks there are.
    pub(super) const fn blocks(&self) -> usize {
        self.blocks
    }

    /// The bytes of a block that the kernel handed over; `None` while it is the kernel's.
    ///
    /// # Panics
    ///
    /// If the ring has no block of this number.
    #[inline]
    pub(super) fn block(&self, index: usize) -> Option<&[u8]> {
        if self.status(index).load(Ordering::Acquire) & STATUS_USER == 0 {
            return None;
        }
        // SAFETY: the block lies in the mapping (`status` checked the index). The kernel wrote it before it handed the
        // block over (acquired above) and writes nothing into it until `give_back`, which wants `&mut self` and so ends
        // this borrow.
        Some(unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(index * BLOCK), BLOCK) })
    }

    /// Hands a block back to the kernel; what we read in it happened before.
    pub(super) fn give_back(&mut self, index: usize) {
        self.status(index).store(STATUS_KERNEL, Ordering::Release);
    }

    /// The status word of a block, which kernel and sensor hand to each other.
    #[inline]
    fn status(&self, index: usize) -> &AtomicU32 {
        assert!(index < self.blocks, "a ring has no block {index}");
        // SAFETY: the word lies in the mapping (index checked, the descriptor is shorter than a block), is aligned (blocks
        // are page-aligned, the offset is 8), lives as long as `self`, and both sides change it only by atomic writes.
        unsafe {
            AtomicU32::from_ptr(
                self.start
                    .as_ptr()
                    .add(index * BLOCK + STATUS_OFFSET)
                    .cast(),
            )
        }
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        match self.origin {
            // SAFETY: exactly the mapping that `map` made, and no borrow of it outlives `self`.
            Origin::Socket => unsafe {
                libc::munmap(self.start.as_ptr().cast(), self.blocks * BLOCK);
            },
            // SAFETY: exactly the allocation that `allocated` made, of the same layout.
            #[cfg(test)]
            Origin::Allocation => unsafe {
                std::alloc::dealloc(self.start.as_ptr(), tests::layout(self.blocks));
            },
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::alloc::{Layout, alloc_zeroed};

    use super::*;

    /// Blocks on a page boundary, as the kernel maps them.
    pub(super) fn layout(blocks: usize) -> Layout {
        Layout::from_size_align(blocks * BLOCK, 4096).unwrap()
    }

    impl SharedMemory {
        /// Memory without a kernel behind it: all blocks are the kernel's.
        pub(in crate::live) fn allocated(blocks: usize) -> Self {
            // SAFETY: the layout is not empty.
            let start = NonNull::new(unsafe { alloc_zeroed(layout(blocks)) }).unwrap();
            let origin = Origin::Allocation;
            Self {
                start,
                blocks,
                origin,
            }
        }

        /// What the kernel does: writes a block and hands it over.
        pub(in crate::live) fn hand_over(&mut self, index: usize, bytes: &[u8]) {
            assert!(index < self.blocks && bytes.len() <= BLOCK && self.block(index).is_none());
            // SAFETY: the block lies in the allocation, and `&mut self` says that nobody reads it.
            unsafe {
                let block = self.start.as_ptr().add(index * BLOCK);
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), block, bytes.len());
            }
            self.status(index).store(STATUS_USER, Ordering::Release);
        }
    }

    #[test]
    fn a_block_is_seen_only_between_hand_over_and_give_back() {
        let mut memory = SharedMemory::allocated(2);
        assert_eq!(memory.block(0), None);
        memory.hand_over(1, b"kernel's words");
        assert_eq!(memory.block(0), None);
        let block = memory.block(1).unwrap();
        assert_eq!((block.len(), &block[..8]), (BLOCK, &b"kernel's"[..]));
        memory.give_back(1);
        assert_eq!(memory.block(1), None);
    }

    #[test]
    #[should_panic(expected = "a ring has no block 2")]
    fn no_block_is_reached_behind_the_last() {
        let _ = SharedMemory::allocated(2).block(2);
    }
}
