use std::collections::BTreeSet;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::hygiene::refs::{FileUses, ReferenceIndex, References, scan};

/// The stack of a thread that reads Rust, in bytes: expressions nest as deep as their authors like.
const STACK: usize = 256 * 1024 * 1024;

/// Where code is read from.
pub trait SourceTree: Sync {
    /// Returns the files of Rust, in order.
    fn files(&self) -> &[String];

    /// Returns the text of a file, or why there is none.
    fn read(&self, file: &str) -> Result<String, String>;
}

/// Finds where code uses flags. Files that are no Rust are skipped and told.
pub fn references<'k>(sources: &dyn SourceTree, keys: impl IntoIterator<Item = &'k str>) -> References {
    let files = sources.files();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut read: Vec<(&String, Result<FileUses, String>)> = Vec::new();
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let uses = sources.read(file).and_then(|text| scan(&text).map_err(|error| format!("no Rust: {error}")));
            read.push((file, uses));
        }
        read
    };
    let mut index = ReferenceIndex::default();
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(files.len().max(1));
    let read = thread::scope(|scope| {
        let spawned: Vec<_> = (0..threads)
            .map_while(|_| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).ok())
            .collect();
        // Where the system gives no thread, this one does the work.
        let own = if spawned.is_empty() { work() } else { Vec::new() };
        // What a thread that broke off should have read is missing below, and told.
        let joined = spawned.into_iter().filter_map(|thread| thread.join().ok()).flatten();
        joined.chain(own).collect::<Vec<_>>()
    });
    let mut left: BTreeSet<&String> = files.iter().collect();
    for (file, uses) in read {
        left.remove(file);
        match uses {
            Ok(uses) => index.add(file.clone(), uses),
            Err(why) => index.skip(file.clone(), why),
        }
    }
    for file in left {
        index.skip(file.clone(), "reading broke off".to_owned());
    }
    index.resolve(keys)
}
