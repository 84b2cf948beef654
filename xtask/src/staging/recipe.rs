//! What a cached thing is made from, as a number: another recipe is another thing.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::run::root;
use crate::servers::store::fingerprint;

/// A name for what is made from these words and from the files below these directories (or these files) of the checkout.
///
/// # Errors
/// A file cannot be read.
pub fn name(kind: &str, words: &[&str], sources: &[&str]) -> Result<String> {
    name_in(root(), kind, words, sources)
}

fn name_in(root: &Path, kind: &str, words: &[&str], sources: &[&str]) -> Result<String> {
    let mut parts: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    for source in sources {
        add(&root.join(source), source, &mut parts)?;
    }
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    Ok(format!("staging/{kind}-{:016x}", fingerprint(&parts)))
}

/// Name and content of each file, in the order of the names.
fn add(path: &Path, name: &str, parts: &mut Vec<Vec<u8>>) -> Result<()> {
    let read = || format!("failed to read `{}`", path.display());
    if !path.is_dir() {
        parts.push(name.as_bytes().to_vec());
        parts.push(fs::read(path).with_context(read)?);
        return Ok(());
    }
    let entries: Result<Vec<_>, _> = fs::read_dir(path).with_context(read)?.collect();
    let mut names: Vec<_> =
        entries?.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name != "__pycache__");
    names.sort();
    names.iter().try_for_each(|child| add(&path.join(child), &format!("{name}/{child}"), parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_word_name_or_content_is_another_thing() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        fs::write(root.path().join("a/b/file"), "1").unwrap();
        let name = |word: &str| name_in(root.path(), "x", &[word], &["a"]).unwrap();
        let first = name("w");
        assert!(first.starts_with("staging/x-"), "{first}");
        assert_eq!(name("w"), first);
        assert_ne!(name("v"), first);
        fs::write(root.path().join("a/b/file"), "2").unwrap();
        let second = name("w");
        assert_ne!(second, first);
        fs::rename(root.path().join("a/b/file"), root.path().join("a/b/other")).unwrap();
        assert_ne!(name("w"), second);
    }
}
