//! Files: people's, which stay what they are but for the wanted change, and Teal's own, which nobody
//! else reads.

mod folder_lock;
mod name;
mod paths;
pub mod private;
mod replace;

pub use folder_lock::FolderLock;
pub use name::file_name;
pub use paths::Paths;
pub use replace::{copy, replace};
