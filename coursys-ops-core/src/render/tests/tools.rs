//! Other programs' opinion of what was written: `promtool` and `xmllint`.

use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

/// The output of a program that reads `input`; nothing when it is not installed, which a CI run does not accept.
#[allow(clippy::disallowed_methods, reason = "the tools are run by a test and see nothing but samples")]
fn run(program: &str, arguments: &[&str], package: &str, input: &str) -> Option<Output> {
    let child = std::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            let wanted = std::env::var_os("CI").is_some_and(|ci| ci == "true");
            assert!(!wanted, "`{program}` of the package `{package}` is needed: {error}");
            eprintln!("not compared with `{program}`, which the package `{package}` has: {error}");
            return None;
        }
    };
    let mut stdin = child.stdin.take().expect("it was piped");
    // The tools read to the end before they write more than a pipe holds, and one that ended early has an opinion too.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    Some(child.wait_with_output().expect("it was started"))
}

fn accepted(output: Option<Output>, input: &str) {
    let Some(output) = output else { return };
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{input}");
}

/// Fails unless `promtool check metrics` accepts the text, warnings included.
pub fn promtool_accepts(text: &str) {
    accepted(run("promtool", &["check", "metrics"], "prometheus", text), text);
}

/// Fails unless the document is valid for our schema, which is the part that the usual ones have in common.
pub fn xmllint_accepts(document: &str) {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/render/tests/junit.xsd");
    let schema = schema.display().to_string();
    let arguments = ["--noout", "--nonet", "--schema", &schema, "-"];
    accepted(run("xmllint", &arguments, "libxml2-utils", document), document);
}

/// Whether a document is refused; also true when there is nobody to ask.
pub fn xmllint_refuses(document: &str) -> bool {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/render/tests/junit.xsd");
    let schema = schema.display().to_string();
    let arguments = ["--noout", "--nonet", "--schema", &schema, "-"];
    run("xmllint", &arguments, "libxml2-utils", document).is_none_or(|output| !output.status.success())
}

/// The same for `promtool`.
pub fn promtool_refuses(text: &str) -> bool {
    run("promtool", &["check", "metrics"], "prometheus", text).is_none_or(|output| !output.status.success())
}
