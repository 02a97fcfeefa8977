//! Tuples in dense tables, and their columns.

pub mod columns;
pub mod detections;
pub mod table;
pub mod tuple;

pub use columns::{Columns, Family};
pub use detections::DetectionColumns;
pub use table::{Entry, Sighting, Table};
pub use tuple::{Marks, Secrets, Tuple, Tuple4, Tuple6};
