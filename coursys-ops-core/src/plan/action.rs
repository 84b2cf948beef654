//! What a step does.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a step does. There are few kinds, so that each can be shown, journalled and judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Action {
    /// Runs a program to its end; it has succeeded when it exits with 0.
    Run {
        /// The program and its arguments; no shell. A secret never stands here.
        argv: Vec<String>,
    },
    /// Writes or removes a file.
    File {
        /// How.
        change: FileChange,
    },
    /// Does nothing but wait until the checks of the step's gate pass.
    Gate,
    /// Something that the program does by itself.
    BuiltIn {
        /// Which: a name that the program registers.
        name: String,
        /// With what.
        arguments: BTreeMap<String, String>,
    },
}

/// A change of one file. It is complete on disk or has not happened; no symbolic link is followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileChange {
    /// Absolute.
    pub path: PathBuf,
    /// The whole new content; nothing removes the file.
    pub content: Option<String>,
    /// The permissions of a new file.
    pub mode: u32,
}
