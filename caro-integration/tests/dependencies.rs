//! What caro would have to build that it does not build already. `data/caro-crates.txt` lists the crates of caro 1.1.3 on Linux, so the
//! count is taken there.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::process::Command;

/// How many crates a default build may add. Raising it is a decision to be argued about with caro's maintainer.
const AGREED: usize = 13;

/// Crates that build scripts call to compile or to find code in other languages.
const FOREIGN_CODE: [&str; 5] = ["bindgen", "cc", "cmake", "pkg-config", "vcpkg"];

/// A line of `cargo tree`: a crate below the one before it that is less deep.
struct Node {
    depth: usize,
    name: String,
    version: String,
}

fn tree(edges: &str) -> Vec<Node> {
    let arguments = ["tree", "-p", "caro-integration", "--locked", "--offline", "--no-dedupe", "--prefix", "depth"];
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["-e", edges])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let nodes: Vec<Node> = text.lines().map(node).collect();
    assert_eq!((nodes[0].depth, nodes[0].name.as_str()), (0, "caro-integration"));
    nodes
}

fn node(line: &str) -> Node {
    let digits = line.chars().take_while(char::is_ascii_digit).count();
    let (depth, package) = line.split_at(digits);
    let mut words = package.split(' ');
    let (name, version) = (words.next().unwrap(), words.next().unwrap());
    Node { depth: depth.parse().unwrap(), name: name.to_owned(), version: compatible(version) }
}

/// Returns the part of a version that must agree for one to stand in for the other: `1` of `v1.2.3`, `0.9` of `v0.9.4`.
fn compatible(version: &str) -> String {
    let version = version.strip_prefix('v').unwrap();
    let mut parts = version.split('.');
    match (parts.next().unwrap(), parts.next().unwrap()) {
        ("0", minor) => format!("0.{minor}"),
        (major, _) => major.to_owned(),
    }
}

fn crates_of_caro() -> BTreeSet<(String, String)> {
    let lines = include_str!("data/caro-crates.txt").lines();
    lines.map(|line| node(&format!("0{line}"))).map(|node| (node.name, node.version)).collect()
}

/// Returns the crates that caro does not have. What is below one that it has is left out: caro keeps the version in its lock file, and
/// with it whatever that one needs.
fn added(tree: &[Node]) -> BTreeSet<String> {
    let caro = crates_of_caro();
    let mut below: Option<usize> = None;
    let mut added = BTreeSet::new();
    for node in tree {
        if below.is_some_and(|depth| node.depth > depth) {
            continue;
        }
        below = None;
        if caro.contains(&(node.name.clone(), node.version.clone())) {
            below = Some(node.depth);
        } else {
            added.insert(format!("{} {}", node.name, node.version));
        }
    }
    for own in ["caro-integration 0.1", "flag-client 0.1", "flag-core 0.1"] {
        assert!(added.remove(own), "{own} is not in the tree");
    }
    added
}

#[test]
fn a_default_build_adds_no_more_crates_than_agreed() {
    let added = added(&tree("normal"));
    let list = added.iter().map(String::as_str).collect::<Vec<_>>().join("\n  ");
    assert!(added.len() <= AGREED, "{} crates are added to caro's, expected at most {AGREED}:\n  {list}", added.len());
    assert!(added.contains("blake3 1"), "the comparison finds nothing new:\n  {list}");
}

#[test]
fn nothing_that_speaks_to_a_network_is_in_a_default_build() {
    let network = ["aws-lc-sys", "hyper", "native-tls", "openssl-sys", "reqwest", "ring", "rustls", "tokio", "ureq"];
    let found: Vec<_> = tree("normal,build").into_iter().filter(|node| network.contains(&node.name.as_str())).collect();
    assert!(found.is_empty(), "{:?}", found.iter().map(|node| &node.name).collect::<Vec<_>>());
}

#[test]
fn blake3_alone_asks_for_a_c_compiler() {
    let tree = tree("normal,build");
    let mut path: Vec<&str> = Vec::new();
    let mut asking = BTreeSet::new();
    for node in &tree {
        path.truncate(node.depth);
        if FOREIGN_CODE.contains(&node.name.as_str()) {
            asking.insert((*path.last().unwrap()).to_owned());
        }
        path.push(&node.name);
    }
    assert_eq!(asking.into_iter().collect::<Vec<_>>(), ["blake3"]);
}
