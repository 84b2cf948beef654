//! Where HEAD was: git's own diary of commits, pulls and checkouts.

use std::collections::BTreeMap;

use coursys_ops_core::model::Finding;

use crate::git::Git;

/// So many moves are read, the newest first. More than these between two restarts of a site are no deployments.
const MOST: &str = "--max-count=300";

/// Fields of one entry, each ended by a NUL byte, as is the entry.
const FORMAT: &str = "--format=%H%x00%T%x00%gd%x00%gn%x00%gs";
const FIELDS: usize = 5;

/// HEAD came to a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Move {
    /// The commit.
    pub commit: String,
    /// Its tree.
    pub tree: String,
    /// When, in seconds since 1970.
    pub unix: i64,
    /// Who moved it.
    pub who: String,
    /// By what: `pull: Fast-forward`.
    pub what: String,
}

impl Move {
    /// The commit as people write it.
    pub(crate) fn short(&self) -> String {
        short(&self.commit)
    }
}

/// The beginning of a commit's name.
pub(crate) fn short(commit: &str) -> String {
    commit.chars().take(9).collect()
}

/// The moves of HEAD, the newest first.
///
/// # Errors
///
/// As [`Git::ask`].
pub(crate) async fn moves(git: &Git<'_>) -> Result<Vec<Move>, Finding> {
    let args = [
        "log",
        "-g",
        "-z",
        "--no-show-signature",
        "--no-decorate",
        MOST,
        "--date=unix",
        FORMAT,
        "HEAD",
        "--",
    ];
    Ok(parse_moves(&git.ask(&args, None).await?))
}

fn parse_moves(bytes: &[u8]) -> Vec<Move> {
    let text = String::from_utf8_lossy(bytes);
    let fields: Vec<&str> = text.split('\0').collect();
    let read = |fields: &[&str]| {
        let [commit, tree, place, who, what] = fields else { return None };
        // `HEAD@{1795377638}`
        let time = place.rsplit_once("@{")?.1.strip_suffix('}')?;
        let own = |text: &&str| (*text).to_owned();
        Some(Move {
            commit: own(commit),
            tree: own(tree),
            unix: time.parse().ok()?,
            who: own(who),
            what: own(what),
        })
    };
    fields.chunks_exact(FIELDS).filter_map(read).collect()
}

/// Which files that match the patterns differ between the trees of each pair, by pair; a pair without any is left out.
///
/// # Errors
///
/// As [`Git::ask`].
pub(crate) async fn changes(
    git: &Git<'_>,
    pairs: &[(String, String)],
    patterns: &[String],
) -> Result<BTreeMap<(String, String), Vec<String>>, Finding> {
    if pairs.is_empty() || patterns.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut args = vec!["diff-tree", "--stdin", "-r", "--name-only", "--no-renames", "--no-ext-diff", "--"];
    args.extend(patterns.iter().map(String::as_str));
    let input = pairs.iter().map(|(old, new)| format!("{old} {new}\n")).collect();
    Ok(parse_changes(&git.ask(&args, Some(input)).await?, pairs))
}

fn parse_changes(bytes: &[u8], pairs: &[(String, String)]) -> BTreeMap<(String, String), Vec<String>> {
    let text = String::from_utf8_lossy(bytes);
    let mut found: BTreeMap<_, Vec<String>> = BTreeMap::new();
    let mut current = None;
    for line in text.lines().filter(|line| !line.is_empty()) {
        let pair = line.split_once(' ').map(|(old, new)| (old.to_owned(), new.to_owned()));
        if let Some(pair) = pair.filter(|pair| pairs.contains(pair)) {
            current = Some(pair);
        } else if let Some(pair) = &current {
            found.entry(pair.clone()).or_default().push(line.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn step(commit: &str, unix: i64, who: &str, what: &str) -> Move {
        let own = ToOwned::to_owned;
        Move { commit: own(commit), tree: format!("t{commit}"), unix, who: own(who), what: own(what) }
    }

    fn printed(moves: &[Move]) -> String {
        let entry =
            |m: &Move| format!("{}\0{}\0HEAD@{{{}}}\0{}\0{}\0", m.commit, m.tree, m.unix, m.who, m.what);
        moves.iter().map(entry).collect()
    }

    #[test]
    fn moves_are_read_with_who_and_when() {
        let moves = [step("c2", 20, "Zoë B", "pull: Fast-forward"), step("c1", 10, "", "clone: from x")];
        assert_eq!(parse_moves(printed(&moves).as_bytes()), moves);
        assert_eq!(parse_moves(b""), []);
        assert_eq!(parse_moves(b"a\0b\0HEAD@{yesterday}\0d\0e\0"), []);
    }

    #[test]
    fn files_belong_to_the_pair_above_them() {
        let pair = |old: &str, new: &str| (old.to_owned(), new.to_owned());
        let pairs = [pair("b", "c"), pair("a", "b")];
        let found = parse_changes(b"b c\na b\nx.py\n\"y \\303.py\"\n", &pairs);
        assert_eq!(found.len(), 1);
        assert_eq!(found[&pair("a", "b")], ["x.py", "\"y \\303.py\""]);
        assert!(parse_changes(b"stray.py\n", &pairs).is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_some_moves(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse_moves(&bytes);
            let _ = parse_changes(&bytes, &[("a".to_owned(), "b".to_owned())]);
        }

        #[test]
        fn every_move_comes_back(who in "[^\\x00]{0,12}", what in "[^\\x00]{0,12}", unix: i64) {
            let moves = [step("abc", unix, &who, &what)];
            prop_assert_eq!(parse_moves(printed(&moves).as_bytes()), moves);
        }
    }
}
