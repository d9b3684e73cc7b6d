//! Tells when a file has another content, by looking. No notification of the system survives all the ways in which editors and
//! configuration tools replace a file; a look a second does.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, Metadata};
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::local_file;

/// A file of which more must be read than this is none of ours.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// For how many looks after a change the content is read again although the file looks the same: file systems tell times apart by up to
/// two seconds.
const READS_AFTER_CHANGE: u32 = 3;

/// How many looks in a row must find a file missing, unreadable or shorter before that counts: it may be in the middle of being
/// written.
const PATIENCE: u32 = 3;

/// Files whose content is followed.
#[derive(Debug)]
pub(super) struct Watch {
    files: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    identity: Option<Identity>,
    content: Content,
    /// How many more looks read the content in any case.
    reads_left: u32,
    /// What was found that may not last, and how often.
    doubtful: (Content, u32),
}

/// What tells one file from another without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    modified: Option<SystemTime>,
    bytes: u64,
    node: (u64, u64),
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Content {
    Missing,
    Unreadable,
    Found { hash: u64, bytes: u64 },
}

impl Content {
    /// How much there is to read.
    const fn bytes(self) -> u64 {
        if let Self::Found { bytes, .. } = self { bytes } else { 0 }
    }
}

impl Watch {
    /// Takes the files as they are.
    pub(super) fn new(paths: Vec<PathBuf>) -> Self {
        Self { files: paths.into_iter().map(Watched::new).collect() }
    }

    /// Looks at every file, and tells whether the content of one is another than before and will do.
    pub(super) fn look(&mut self) -> bool {
        // All of them, whatever the first one is like.
        self.files.iter_mut().filter_map(|file| file.look().then_some(())).count() > 0
    }
}

impl Watched {
    fn new(path: PathBuf) -> Self {
        let (identity, content) = (identity(&path), content(&path));
        Self { path, identity, content, reads_left: READS_AFTER_CHANGE, doubtful: (content, 0) }
    }

    fn look(&mut self) -> bool {
        let identity = identity(&self.path);
        if identity == self.identity {
            self.reads_left = self.reads_left.saturating_sub(1);
        } else {
            self.reads_left = READS_AFTER_CHANGE;
        }
        let is_settled = self.doubtful.1 == 0;
        if identity == self.identity && self.reads_left == 0 && is_settled {
            return false;
        }
        let node = |identity: &Option<Identity>| identity.as_ref().map(|identity| identity.node);
        let is_in_place = node(&identity) == node(&self.identity);
        self.identity = identity;
        let found = content(&self.path);
        if found == self.content {
            self.doubtful = (found, 0);
            return false;
        }
        // Less than before in the same file may be the beginning of what is being written, and a beginning can be sound TOML.
        let is_whole = !is_in_place || found.bytes() >= self.content.bytes();
        let is_sound = is_whole && matches!(found, Content::Found { .. }) && local_file::read(&self.path).is_ok();
        self.doubtful.1 = if found == self.doubtful.0 { self.doubtful.1.saturating_add(1) } else { 1 };
        self.doubtful.0 = found;
        if !is_sound && self.doubtful.1 < PATIENCE {
            return false;
        }
        self.content = found;
        self.doubtful = (found, 0);
        true
    }
}

fn identity(path: &Path) -> Option<Identity> {
    let file = fs::metadata(path).ok()?;
    Some(Identity { modified: file.modified().ok(), bytes: file.len(), node: node(&file) })
}

#[cfg(unix)]
fn node(file: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;

    (file.dev(), file.ino())
}

#[cfg(not(unix))]
fn node(_file: &Metadata) -> (u64, u64) {
    (0, 0)
}

fn content(path: &Path) -> Content {
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Content::Missing,
        Ok(file) if file.is_file() && file.len() <= MAX_BYTES => match fs::read(path) {
            Ok(bytes) => {
                let mut hasher = DefaultHasher::new();
                bytes.hash(&mut hasher);
                Content::Found { hash: hasher.finish(), bytes: file.len() }
            }
            Err(_) => Content::Unreadable,
        },
        _ => Content::Unreadable,
    }
}

/// A file that is only ever replaced whole, such as the trusted documents: to tell the new one from the old one no byte is read.
#[derive(Debug)]
pub(super) struct Replaced {
    path: PathBuf,
    identity: Option<Identity>,
}

impl Replaced {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { identity: identity(&path), path }
    }

    /// Tells whether another file stands in the place. One that was removed is not missed.
    pub(super) fn look(&mut self) -> bool {
        let identity = identity(&self.path);
        let replaced = identity.is_some() && identity != self.identity;
        if replaced {
            self.identity = identity;
        }
        replaced
    }

    /// Takes the file as it is.
    pub(super) fn accept(&mut self) {
        self.identity = identity(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use tempfile::TempDir;

    use super::*;

    const ONE: &str = "[feature_flags]\na = true\n";
    const TWO: &str = "[feature_flags]\na = \"x\"\n";

    type Change = fn(&Place);

    struct Place {
        folder: TempDir,
        watch: Watch,
    }

    impl Place {
        fn new() -> Self {
            let folder = TempDir::new().unwrap();
            let path = folder.path().join("config.toml");
            fs::write(&path, ONE).unwrap();
            Self { watch: Watch::new(vec![path]), folder }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        /// How many of the next looks find a change.
        fn changes(&mut self, looks: u32) -> usize {
            (0..looks).filter(|_| self.watch.look()).count()
        }
    }

    #[test]
    fn e46_every_way_to_change_a_file_is_seen_once() {
        let ways: [(&str, Change); 6] = [
            ("in place", |place| fs::write(place.path("config.toml"), TWO).unwrap()),
            ("in place, as long and as old as before", |place| {
                let path = place.path("config.toml");
                let modified = fs::metadata(&path).unwrap().modified().unwrap();
                fs::write(&path, ONE.replace("a = true", "b = true")).unwrap();
                fs::File::open(&path).unwrap().set_modified(modified).unwrap();
            }),
            ("renamed over", |place| {
                fs::write(place.path("new"), TWO).unwrap();
                fs::rename(place.path("new"), place.path("config.toml")).unwrap();
            }),
            ("deleted", |place| fs::remove_file(place.path("config.toml")).unwrap()),
            ("replaced by a folder", |place| {
                fs::remove_file(place.path("config.toml")).unwrap();
                fs::create_dir(place.path("config.toml")).unwrap();
            }),
            ("appended", |place| {
                let file = fs::OpenOptions::new().append(true).open(place.path("config.toml"));
                file.unwrap().write_all(b"c = false\n").unwrap();
            }),
        ];
        for (name, change) in ways {
            let mut place = Place::new();
            assert_eq!(place.changes(1), 0, "{name}: before");
            change(&place);
            assert_eq!(place.changes(6), 1, "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn e46_a_link_that_is_made_to_point_elsewhere_is_seen() {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("one"), ONE).unwrap();
        fs::write(path("two"), TWO).unwrap();
        std::os::unix::fs::symlink(path("one"), path("config.toml")).unwrap();
        let mut watch = Watch::new(vec![path("config.toml")]);
        assert!(!(0..6).any(|_| watch.look()));
        std::os::unix::fs::symlink(path("two"), path("new")).unwrap();
        fs::rename(path("new"), path("config.toml")).unwrap();
        assert!(watch.look());
        assert!(!(0..6).any(|_| watch.look()));
    }

    #[test]
    fn e46_a_beginning_that_is_sound_by_itself_is_given_time() {
        let mut place = Place::new();
        fs::write(place.path("config.toml"), "").unwrap();
        assert_eq!(place.changes(2), 0, "truncated, as every write in place begins");
        fs::write(place.path("config.toml"), TWO).unwrap();
        assert_eq!(place.changes(6), 1);
        fs::write(place.path("config.toml"), "").unwrap();
        assert_eq!(place.changes(6), 1, "it stays empty");
    }

    #[test]
    fn e46_a_file_that_is_missing_or_half_written_for_a_moment_is_given_time() {
        let mut place = Place::new();
        fs::remove_file(place.path("config.toml")).unwrap();
        assert_eq!(place.changes(2), 0);
        fs::write(place.path("config.toml"), ONE).unwrap();
        assert_eq!(place.changes(6), 0, "restored as it was");
        fs::write(place.path("config.toml"), "[feature_fl").unwrap();
        assert_eq!(place.changes(2), 0);
        fs::write(place.path("config.toml"), TWO).unwrap();
        assert_eq!(place.changes(6), 1);
        fs::write(place.path("config.toml"), "[feature_fl").unwrap();
        assert_eq!(place.changes(6), 1, "it stays broken");
        fs::write(place.path("config.toml"), TWO).unwrap();
        assert_eq!(place.changes(6), 1);
    }

    #[test]
    fn a_file_that_is_only_touched_has_not_changed() {
        let mut place = Place::new();
        fs::write(place.path("config.toml"), ONE).unwrap();
        assert_eq!(place.changes(6), 0);
    }
}
