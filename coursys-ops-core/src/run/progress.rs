//! How far a step is.

use std::fmt;
use std::str::FromStr;

/// How far a step is that counts what it does. As a line of output it reads `9120 of 10000 done, about 40 s left`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How much is done.
    pub done: u64,
    /// Of how much; more may come.
    pub total: u64,
    /// How long the rest takes at the pace of late, in seconds.
    pub left_s: Option<u64>,
}

impl fmt::Display for Progress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} of {} done", self.done, self.total)?;
        match self.left_s {
            Some(seconds) => write!(out, ", about {seconds} s left"),
            None => Ok(()),
        }
    }
}

/// It is no line of progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected progress, such as `3 of 10 done, about 5 s left`")]
pub struct NoProgress;

impl FromStr for Progress {
    type Err = NoProgress;

    fn from_str(line: &str) -> Result<Self, NoProgress> {
        let number = |text: &str| text.parse::<u64>().map_err(|_| NoProgress);
        let (count, rest) = line.split_once(" done").ok_or(NoProgress)?;
        let (done, total) = count.split_once(" of ").ok_or(NoProgress)?;
        let left = rest.strip_prefix(", about ").map(|rest| rest.strip_suffix(" s left").ok_or(NoProgress));
        let left_s = left.transpose()?.map(number).transpose()?;
        Ok(Self { done: number(done)?, total: number(total)?, left_s })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_that_was_told_is_read_back() {
        for left_s in [None, Some(40)] {
            let progress = Progress { done: 9120, total: 10_000, left_s };
            assert_eq!(progress.to_string().parse(), Ok(progress));
        }
        for other in ["", "3 of 10", "x of 3 done", "3 of 10 done, about x s left"] {
            assert_eq!(other.parse::<Progress>(), Err(NoProgress), "{other}");
        }
    }
}
