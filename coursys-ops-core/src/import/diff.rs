//! The difference between two texts, as `diff -u` shows it.

use std::fmt::Write as _;

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Removed,
    Added,
}

/// The unified difference of two texts; empty when they are the same.
pub(super) fn unified(old: &str, new: &str, old_name: &str, new_name: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let lines = compare(&old, &new);
    if lines.iter().all(|(fate, _)| *fate == Fate::Kept) {
        return String::new();
    }
    let mut text = format!("--- {old_name}\n+++ {new_name}\n");
    for (start, end) in hunks(&lines) {
        let count =
            |range: &[(Fate, &str)], gone: Fate| range.iter().filter(|(fate, _)| *fate != gone).count();
        let (before, hunk) =
            (lines.get(..start).unwrap_or_default(), lines.get(start..end).unwrap_or_default());
        let range = |gone: Fate| {
            let length = count(hunk, gone);
            let first = count(before, gone) + usize::from(length > 0);
            format!("{first},{length}")
        };
        let _ = writeln!(text, "@@ -{} +{} @@", range(Fate::Added), range(Fate::Removed));
        for (fate, line) in hunk {
            let sign = match fate {
                Fate::Kept => ' ',
                Fate::Removed => '-',
                Fate::Added => '+',
            };
            let _ = writeln!(text, "{sign}{line}");
        }
    }
    text
}

/// Every line of both texts with its fate, by their longest common subsequence. The texts are configuration files of some
/// hundred lines; what is equal at both ends is not compared at all.
fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(Fate, &'a str)> {
    let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(a, b)| a == b).count();
    let head = same(&mut old.iter().zip(new));
    let tail = same(&mut old.iter().skip(head).rev().zip(new.iter().skip(head).rev()));
    let middle = |lines: &[&'a str]| -> Vec<&'a str> {
        lines.iter().take(lines.len() - tail).skip(head).copied().collect()
    };
    let (a, b) = (middle(old), middle(new));
    let kept = |lines: &[&'a str]| lines.iter().map(|line| (Fate::Kept, *line)).collect::<Vec<_>>();
    let mut lines = kept(old.get(..head).unwrap_or_default());
    // `lengths[i][j]`: how much the rests from `a[i]` and `b[j]` have in common.
    let mut lengths = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    let at = |lengths: &[Vec<usize>], i: usize, j: usize| {
        lengths.get(i).and_then(|row| row.get(j)).copied().unwrap_or_default()
    };
    for (i, left) in a.iter().enumerate().rev() {
        for (j, right) in b.iter().enumerate().rev() {
            let length = if left == right {
                at(&lengths, i + 1, j + 1) + 1
            } else {
                at(&lengths, i + 1, j).max(at(&lengths, i, j + 1))
            };
            if let Some(cell) = lengths.get_mut(i).and_then(|row| row.get_mut(j)) {
                *cell = length;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    loop {
        match (a.get(i), b.get(j)) {
            (None, None) => break,
            (Some(left), Some(right)) if left == right => {
                lines.push((Fate::Kept, left));
                (i, j) = (i + 1, j + 1);
            }
            (Some(left), right) if right.is_none() || at(&lengths, i + 1, j) >= at(&lengths, i, j + 1) => {
                lines.push((Fate::Removed, left));
                i += 1;
            }
            (_, Some(right)) => {
                lines.push((Fate::Added, right));
                j += 1;
            }
            (Some(_), None) => break,
        }
    }
    lines.extend(kept(old.get(old.len() - tail..).unwrap_or_default()));
    lines
}

/// From where to where the hunks go: changes with their context, those that touch in one.
fn hunks(lines: &[(Fate, &str)]) -> Vec<(usize, usize)> {
    let mut hunks: Vec<(usize, usize)> = Vec::new();
    for (index, _) in lines.iter().enumerate().filter(|(_, (fate, _))| *fate != Fate::Kept) {
        let (start, end) = (index.saturating_sub(CONTEXT), (index + CONTEXT + 1).min(lines.len()));
        match hunks.last_mut() {
            Some((_, last)) if *last >= start => *last = end,
            _ => hunks.push((start, end)),
        }
    }
    hunks
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn equal_texts_have_no_difference() {
        assert_eq!(unified("a\nb\n", "a\nb\n", "x", "y"), "");
    }

    #[test]
    fn changes_are_shown_with_three_lines_of_context_as_diff_does() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n";
        let new = "1\n2\n3\n4\nfive\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n";
        assert_eq!(
            unified(old, new, "x", "y"),
            "--- x\n+++ y\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n@@ -12,3 +12,4 @@\n 12\n 13\n 14\n+15\n"
        );
    }

    #[test]
    fn a_new_file_is_all_added() {
        assert_eq!(unified("", "a\nb\n", "x", "y"), "--- x\n+++ y\n@@ -0,0 +1,2 @@\n+a\n+b\n");
    }

    #[test]
    fn a_line_in_the_middle_comes_and_goes() {
        assert_eq!(unified("a\nc\n", "a\nb\nc\n", "x", "y"), "--- x\n+++ y\n@@ -1,2 +1,3 @@\n a\n+b\n c\n");
        assert_eq!(unified("a\nb\nc\n", "a\nc\n", "x", "y"), "--- x\n+++ y\n@@ -1,3 +1,2 @@\n a\n-b\n c\n");
    }
}
