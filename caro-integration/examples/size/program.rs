//! What caro brings anyway: a command line, a configuration in TOML, patterns to check commands against, and a manifest in JSON of
//! cached models, with their checksums, under a lock.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use regex::RegexSet;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

#[derive(Debug, Deserialize, Serialize)]
struct Manifest {
    models: HashMap<String, Model>,
    #[serde(default)]
    settings: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Model {
    sha256: String,
    size: u64,
    score: f64,
    #[serde(default)]
    server: Option<IpAddr>,
}

/// Tells whether a command would do harm. caro has dozens of such patterns.
pub(crate) fn check(command: &str) -> Result<bool, regex::Error> {
    Ok(RegexSet::new([r"(?i)\brm\s+-rf\s+/", r"\bmkfs(\.\w+)?\b", r">\s*/dev/sd[a-z]"])?.is_match(command))
}

/// Writes the configuration as JSON.
pub(crate) fn show(config: &Path) -> Result<(), Box<dyn Error>> {
    let mut document: toml::Table = fs::read_to_string(config)?.parse()?;
    document.remove("secret");
    document.insert("config_dir".to_owned(), dirs::config_dir().unwrap_or_default().display().to_string().into());
    writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&document)?)?;
    Ok(())
}

/// Compares cached models with the manifest, best first.
pub(crate) fn verify(folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut lock = fd_lock::RwLock::new(File::create(folder.join("lock"))?);
    let _alone = lock.try_write()?;
    let file = folder.join("manifest.json");
    let mut manifest: Manifest = serde_json::from_str(&fs::read_to_string(&file)?)?;
    let mut models: Vec<(&String, &Model)> = manifest.models.iter().collect();
    models.sort_by(|(_, one), (_, other)| other.score.total_cmp(&one.score));
    for (name, model) in models {
        let digest = format!("{:x}", Sha256::digest(fs::read(folder.join(name))?));
        let state = if digest == model.sha256 { "sound" } else { "broken" };
        writeln!(io::stdout(), "{name}: {state}, {} bytes, from {:?}", model.size, model.server)?;
    }
    manifest.settings.remove("verified");
    let new = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&new, &manifest)?;
    new.persist(PathBuf::from(folder).join("manifest.json"))?;
    Ok(())
}
