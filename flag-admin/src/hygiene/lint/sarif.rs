//! Findings in the Static Analysis Results Interchange Format, version 2.1.0 (OASIS), which code hosts show beside the lines.

use std::fmt::Write as _;

use serde::Serialize;

use super::finding::{Finding, LintReport};
use super::rule::LintRule;
use crate::definition::Places;

/// A SARIF log of one run.
#[derive(Debug, Serialize)]
pub struct Sarif {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    /// Columns count characters, not UTF-16 units.
    column_kind: &'static str,
    results: Vec<Outcome>,
}

#[derive(Debug, Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Descriptor>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    short_description: Text,
    full_description: Text,
    default_configuration: Configuration,
}

#[derive(Debug, Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Debug, Serialize)]
struct Text {
    text: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    suppressions: Vec<Suppression>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    physical_location: Option<PhysicalLocation>,
    logical_locations: [LogicalLocation; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Debug, Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
}

#[derive(Debug, Serialize)]
struct Suppression {
    kind: &'static str,
    status: &'static str,
    justification: String,
}

/// Returns a report as SARIF. `file` is the authoring file as the reader should find it, with the places in it; without one, findings
/// name only the place in the definitions.
pub fn sarif(report: &LintReport, file: Option<(&str, &Places)>) -> Sarif {
    let findings = report.findings.iter().chain(&report.allowed);
    let driver = Driver {
        name: "flag-admin",
        semantic_version: env!("CARGO_PKG_VERSION"),
        rules: LintRule::ALL.iter().copied().map(descriptor).collect(),
    };
    Sarif {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool { driver },
            column_kind: "unicodeCodePoints",
            results: findings.map(|finding| outcome(finding, file)).collect(),
        }],
    }
}

fn descriptor(rule: LintRule) -> Descriptor {
    Descriptor {
        id: rule.id(),
        short_description: Text { text: rule.summary().to_owned() },
        full_description: Text { text: rule.explanation().to_owned() },
        default_configuration: Configuration { level: rule.severity().as_str() },
    }
}

fn outcome(finding: &Finding, file: Option<(&str, &Places)>) -> Outcome {
    let region = |places: &Places| {
        let (start_line, start_column) = places.position(&finding.place)?;
        Some(Region { start_line, start_column })
    };
    let physical_location = file.map(|(file, places)| PhysicalLocation {
        artifact_location: ArtifactLocation { uri: uri(file) },
        region: region(places),
    });
    // Only a flag's own definition has a place for it.
    let kind = if finding.flag.is_some() { "inSource" } else { "external" };
    let suppression = |reason: &String| Suppression { kind, status: "accepted", justification: reason.clone() };
    Outcome {
        rule_id: finding.rule.id(),
        rule_index: LintRule::ALL.iter().position(|rule| *rule == finding.rule).unwrap_or_default(),
        level: finding.severity.as_str(),
        message: Text { text: finding.message.clone() },
        locations: [Location {
            physical_location,
            logical_locations: [LogicalLocation { fully_qualified_name: finding.place.clone() }],
        }],
        suppressions: finding.allowed.iter().map(suppression).collect(),
    }
}

/// Returns a path as a URI reference: slashes, and what a URI may not hold in percent (RFC 3986, section 3.3).
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.replace('\\', "/").bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_uri_references() {
        for (path, expected) in [
            ("./flags.toml", "./flags.toml"),
            ("my flags\\a#b.toml", "my%20flags/a%23b.toml"),
            ("\u{fc}.toml", "%C3%BC.toml"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }
}
