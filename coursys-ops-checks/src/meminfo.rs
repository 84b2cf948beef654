//! /proc/meminfo.

use std::collections::BTreeMap;

/// The file.
pub(crate) const PATH: &str = "/proc/meminfo";

/// A figure of the kernel; no machine has 2^53 KiB.
#[allow(clippy::cast_precision_loss, reason = "see above")]
const fn kib(number: u64) -> f64 {
    number as f64
}

/// Its figures, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Meminfo(BTreeMap<String, f64>);

impl Meminfo {
    /// Reads lines such as `MemTotal:       24676000 kB`; others are left out.
    pub(crate) fn parse(text: &str) -> Self {
        let line = |line: &str| {
            let (name, rest) = line.split_once(':')?;
            let mut words = rest.split_whitespace();
            let number: u64 = words.next()?.parse().ok()?;
            (words.next() == Some("kB")).then(|| (name.to_owned(), kib(number) * 1024.0))
        };
        Self(text.lines().filter_map(line).collect())
    }

    /// One of the figures.
    pub(crate) fn bytes(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_in_kib_are_bytes_and_others_are_left_out() {
        let text = "MemTotal:       24676000 kB\nHugePages_Total:       3\nOdd: -5 kB\nNoise\n";
        let read = Meminfo::parse(text);
        assert_eq!(read.bytes("MemTotal"), Some(24_676_000.0 * 1024.0));
        assert_eq!((read.bytes("HugePages_Total"), read.bytes("Odd")), (None, None));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(\\PC{0,20}|[A-Za-z]{1,8}: {1,3}[0-9]{0,22} (kB)?|\n){0,8}") {
            let _ = Meminfo::parse(&text);
        }

        #[test]
        fn what_the_kernel_writes_is_read_back(figures in proptest::collection::btree_map("[A-Z][A-Za-z()_]{0,12}", any::<u32>(), 0..9)) {
            let text: String = figures.iter().map(|(name, kib)| format!("{name}: {kib:>12} kB\n")).collect();
            let read = Meminfo::parse(&text);
            for (name, kib) in figures {
                prop_assert_eq!(read.bytes(&name), Some(f64::from(kib) * 1024.0));
            }
        }
    }
}
