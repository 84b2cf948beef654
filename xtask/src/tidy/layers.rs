//! Who may depend on whom: `cli, py → checks → core`.

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::run::{output, root};

/// What each member may use of the workspace.
const ALLOWED: [(&str, &[&str]); 6] = [
    ("coursys-ops-core", &[]),
    ("coursys-ops-checks", &["coursys-ops-core"]),
    ("coursys-ops-cli", &["coursys-ops-checks", "coursys-ops-core"]),
    ("coursys-ops-py", &["coursys-ops-checks", "coursys-ops-core"]),
    ("coursys-ops-tests", &["coursys-ops-core"]),
    ("xtask", &[]),
];

/// What must not be in the tree at all: a second TLS stack.
const FORBIDDEN: [&str; 4] = ["openssl", "openssl-sys", "native-tls", "aws-lc-sys"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    source: Option<String>,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    path: Option<String>,
}

pub fn offences() -> Result<Vec<String>> {
    let text = output(&["cargo", "metadata", "--format-version", "1", "--locked"], root())?;
    let metadata: Metadata = serde_json::from_str(&text).context("cargo metadata")?;
    let mut offences = Vec::new();
    for package in metadata.packages.iter().filter(|package| package.source.is_none()) {
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == package.name) else {
            offences.push(format!("{}: no rule says what it may depend on", package.name));
            continue;
        };
        let inside = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
        for dependency in inside.filter(|dependency| !allowed.contains(&dependency.name.as_str())) {
            offences.push(format!("{} must not depend on {}", package.name, dependency.name));
        }
    }
    let tree = output(
        &["cargo", "tree", "--workspace", "--edges", "normal,build", "--prefix", "none", "--locked"],
        root(),
    )?;
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    let mut found: Vec<_> = names.filter(|name| FORBIDDEN.contains(name)).collect();
    found.sort_unstable();
    found.dedup();
    offences.extend(found.into_iter().map(|name| format!("{name} is in the tree; TLS is rustls with ring")));
    Ok(offences)
}
