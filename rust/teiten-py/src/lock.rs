//! Locks inside frozen classes, taken without the interpreter.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

/// What is inside `mutex`, even where a thread died with it: no value here is left half changed by that.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads from what is inside `mutex`; other threads run Python while the lock is waited for.
pub(crate) fn read<T: Send, R: Send>(
    py: Python<'_>,
    mutex: &Mutex<T>,
    read: impl FnOnce(&T) -> R + Send,
) -> R {
    py.detach(|| read(&lock(mutex)))
}
