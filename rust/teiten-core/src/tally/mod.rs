//! Tuples in dense tables, and their columns.

pub mod columns;
pub mod detections;
pub mod examples;
pub mod quoted;
pub mod sketch;
pub mod table;
pub mod tuple;

pub use columns::{Columns, Family};
pub use detections::DetectionColumns;
pub use examples::ExampleColumns;
pub use quoted::QuotedColumns;
pub use sketch::Sketch;
pub use table::{Entry, Sighting, Table};
pub use tuple::{Marked, Marks, Secrets, Tuple, Tuple4, Tuple6};
