//! goss, built of its sources the first time, and kept outside of the checkout.
#![expect(
    clippy::disallowed_methods,
    reason = "a developer's tool starts Go; core's module is for the product"
)]

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::servers::Store;

/// What is built, and of what: a small module of our own asks for one version.
const PACKAGE: &str = "github.com/goss-org/goss/cmd/goss";
const MODULE: &str = "module bench\n\ngo 1.24\n\nrequire github.com/goss-org/goss v0.4.9\n";
const TOOLS: &str = "//go:build tools\n\npackage bench\n\nimport _ \"github.com/goss-org/goss/cmd/goss\"\n";

/// The path of the program.
///
/// # Errors
/// There is no Go, or no network, or it cannot be built.
pub fn goss() -> Result<String> {
    let store = Store::open()?;
    let dir = store.directory("goss");
    let program = dir.join("bin/goss");
    let _lock = store.lock("goss")?;
    if !program.is_file() {
        let module = tempfile::tempdir()?;
        std::fs::write(module.path().join("go.mod"), MODULE)?;
        std::fs::write(module.path().join("tools.go"), TOOLS)?;
        let built = Command::new("go")
            .args(["build", "-mod=mod", "-o"])
            .args([program.as_os_str(), PACKAGE.as_ref()])
            .current_dir(&module)
            .env("GOPATH", &dir)
            .env("GOCACHE", dir.join("build"))
            .env("GOFLAGS", "-modcacherw")
            .env("CGO_ENABLED", "0")
            .stdin(Stdio::null())
            .status()
            .context("failed to start `go`: install a Go of 1.24 or later")?;
        ensure!(built.success(), "`go build {PACKAGE}` failed");
    }
    Ok(program.to_string_lossy().into_owned())
}
