//! What `git status --porcelain=v2 --branch -z` says.

/// Its arguments: untracked directories as one entry, no guessing of renames, no look into submodules' work trees.
pub(crate) const ARGS: [&str; 8] = [
    "status",
    "--porcelain=v2",
    "--branch",
    "-z",
    "--untracked-files=normal",
    "--no-renames",
    "--ahead-behind",
    "--ignore-submodules=dirty",
];

/// The state of a work tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// The commit; nothing before the first.
    pub commit: Option<String>,
    /// The branch; nothing when HEAD is detached.
    pub branch: Option<String>,
    /// The branch that it follows: `origin/master`.
    pub upstream: Option<String>,
    /// Commits that the upstream lacks, and that it has and we lack; nothing when there is no such branch.
    pub ahead_behind: Option<(u32, u32)>,
    /// Tracked files that differ from the commit.
    pub changed: Vec<String>,
    /// Files and directories, these with a slash at the end, that are not tracked and not ignored.
    pub untracked: Vec<String>,
}

impl Status {
    /// Reads what git printed. What is not understood is left out: newer versions of git may say more.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut entries = text.split('\0');
        let mut status = Self::default();
        while let Some(entry) = entries.next() {
            let Some((kind, rest)) = entry.split_once(' ') else { continue };
            // So many fields stand before the path.
            let path = |fields: usize| rest.splitn(fields + 1, ' ').nth(fields).map(ToOwned::to_owned);
            match kind {
                "#" => status.header(rest),
                "1" => status.changed.extend(path(7)),
                "2" => {
                    status.changed.extend(path(8));
                    // The path that it had.
                    entries.next();
                }
                "u" => status.changed.extend(path(9)),
                "?" => status.untracked.push(rest.to_owned()),
                _ => {}
            }
        }
        status
    }

    fn header(&mut self, header: &str) {
        let Some((name, value)) = header.split_once(' ') else { return };
        let unless = |nothing: &str| (value != nothing).then(|| value.to_owned());
        match name {
            "branch.oid" => self.commit = unless("(initial)"),
            "branch.head" => self.branch = unless("(detached)"),
            "branch.upstream" => self.upstream = Some(value.to_owned()),
            "branch.ab" => {
                let number = |text: &str, sign: char| text.strip_prefix(sign)?.parse().ok();
                self.ahead_behind = value
                    .split_once(' ')
                    .and_then(|(ahead, behind)| Some((number(ahead, '+')?, number(behind, '-')?)));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn branch_distance_and_files_are_read_with_their_blanks() {
        let ids = "100644 100644 100644 1111 2222";
        let text = format!(
            "# branch.oid ee04\0# branch.head master\0# branch.upstream origin/master\0# branch.ab +1 -23\0\
             # stash 3\0\
             1 .M N... {ids} a b.py\02 R. N... {ids} R100 new.py\0old.py\0\
             u UU N... 1 1 1 1 1 2 3 both.py\0? new dir/\0! ignored\0"
        );
        let expected = Status {
            commit: Some("ee04".to_owned()),
            branch: Some("master".to_owned()),
            upstream: Some("origin/master".to_owned()),
            ahead_behind: Some((1, 23)),
            changed: ["a b.py", "new.py", "both.py"].map(Into::into).to_vec(),
            untracked: vec!["new dir/".to_owned()],
        };
        assert_eq!(Status::parse(text.as_bytes()), expected);
    }

    #[test]
    fn neither_a_detached_head_nor_an_unborn_branch_is_a_name() {
        let status = Status::parse(b"# branch.oid (initial)\0# branch.head (detached)\0");
        assert_eq!(status, Status::default());
    }

    proptest! {
        #[test]
        fn any_bytes_are_some_state(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Status::parse(&bytes);
        }

        #[test]
        fn every_path_comes_back(paths in proptest::collection::vec("[^\\x00]{1,20}", 0..5)) {
            let text: String = paths.iter().map(|path| format!("? {path}\0")).collect();
            prop_assert_eq!(Status::parse(text.as_bytes()).untracked, paths);
        }
    }
}
