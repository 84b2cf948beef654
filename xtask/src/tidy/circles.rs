//! Imports inside a crate run one way: no two of its top-level modules need each other, directly or through others.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

const CRATES: [&str; 4] = ["coursys-ops-core", "coursys-ops-checks", "coursys-ops-cli", "xtask"];

pub fn offences(root: &Path) -> Result<Vec<String>> {
    let mut offences = Vec::new();
    for name in CRATES {
        let graph = graph(&root.join(name).join("src"))?;
        if let Some(circle) = circle(&graph) {
            offences.push(format!("{name}: modules need each other in a circle: {}", circle.join(" → ")));
        }
    }
    Ok(offences)
}

/// Which top-level module of a crate names which others.
fn graph(src: &Path) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in rust_files(src)? {
        let relative = file.strip_prefix(src)?;
        let module = relative.iter().next().unwrap_or_default().to_string_lossy();
        let module = module.trim_end_matches(".rs").to_owned();
        if ["lib", "main", "testing"].contains(&module.as_str()) {
            continue;
        }
        graph.entry(module).or_default().extend(imports(&fs::read_to_string(file)?));
    }
    let modules: BTreeSet<String> = graph.keys().cloned().collect();
    for (module, imports) in &mut graph {
        imports.retain(|import| modules.contains(import) && import != module);
    }
    Ok(graph)
}

/// Every Rust file below a directory but those of tests.
pub fn rust_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if name.ends_with(".rs") && !name.ends_with("_tests.rs") && name != "tests.rs" {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The modules behind `crate::` in the part of a file that is no test.
fn imports(text: &str) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            // `use crate::{a, b::C};`: the names at its first level.
            Some(list) => found.extend(first_level(list)),
            None => found.extend(word(rest)),
        }
    }
    found
}

fn first_level(list: &str) -> Vec<String> {
    let mut depth = 0;
    let mut names = vec![String::new()];
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(String::new()),
            _ if depth == 0 => names.last_mut().into_iter().for_each(|name| name.push(c)),
            _ => {}
        }
    }
    names.iter().filter_map(|name| word(name.trim())).collect()
}

fn word(text: &str) -> Option<String> {
    let word: String = text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

/// Some circle, if there is one.
fn circle(graph: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn visit<'a>(
        module: &'a str,
        graph: &'a BTreeMap<String, BTreeSet<String>>,
        above: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<Vec<String>> {
        if let Some(start) = above.iter().position(|known| *known == module) {
            let circle = above.iter().skip(start).copied().chain([module]);
            return Some(circle.map(ToOwned::to_owned).collect());
        }
        if !done.insert(module) {
            return None;
        }
        above.push(module);
        let found = graph.get(module)?.iter().find_map(|import| visit(import, graph, above, done));
        above.pop();
        found
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|module| visit(module, graph, &mut Vec::new(), &mut done))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph_of(edges: &[(&str, &[&str])]) -> BTreeMap<String, BTreeSet<String>> {
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        edges.iter().map(|(name, names)| ((*name).to_owned(), set(names))).collect()
    }

    #[test]
    fn a_circle_is_found_at_any_length_and_a_diamond_is_none() {
        let circle_of = |edges| circle(&graph_of(edges)).map(|circle| circle.join(" "));
        assert_eq!(circle_of(&[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"]), ("d", &[])]), None);
        assert_eq!(circle_of(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]).as_deref(), Some("b c b"));
    }

    #[test]
    fn imports_are_read_from_code_and_not_from_tests_or_comments() {
        let text = "use crate::model::{A, B};\nuse crate::{net::{C, D}, run};\n// crate::comment\nfn f() { crate::path::g() }\n#[cfg(test)]\nuse crate::testing;";
        let found: Vec<_> = imports(text).into_iter().collect();
        assert_eq!(found, ["model", "net", "path", "run"]);
    }
}
