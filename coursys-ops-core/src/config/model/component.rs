//! The parts of the deployment, and who starts and stops them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Who starts and stops a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Manager {
    /// A unit of systemd.
    Systemd,
    /// A service of Docker Compose.
    Compose,
    /// Part of another process of this machine, or a file.
    Builtin,
    /// Somebody else, elsewhere.
    External,
}

impl Manager {
    /// The word of the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Compose => "compose",
            Self::Builtin => "builtin",
            Self::External => "external",
        }
    }

    /// Whether it can be started and stopped from here.
    #[must_use]
    pub const fn is_ours(self) -> bool {
        matches!(self, Self::Systemd | Self::Compose)
    }
}

/// A part of the deployment.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Component {
    /// Who starts and stops it.
    pub manager: Manager,
    /// Its unit or compose service; nothing means the component's name.
    pub unit: Option<String>,
    /// Its units or compose services when it has several; those that are not there are passed over.
    #[serde(default)]
    pub units: Vec<String>,
    /// A word in the command line of its processes.
    pub process: Option<String>,
    /// The components that must work before it can.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Ids of the checks that tell whether it works.
    #[serde(default)]
    pub health: Vec<String>,
    /// Its log files.
    #[serde(default)]
    pub logs: Vec<PathBuf>,
    /// Where it listens: `127.0.0.1:8000`, or `*:80` for every address.
    #[serde(default)]
    pub listens: Vec<String>,
    /// Files and directories that it reads when it starts or reloads.
    #[serde(default)]
    pub configs: Vec<PathBuf>,
    /// How many main processes it has; nothing when any number is right.
    pub masters: Option<u32>,
    /// Whether it can read its configuration anew without a restart.
    #[serde(default)]
    pub reloads: bool,
    /// Whether it is stopped before what it needs is stopped or restarted.
    #[serde(default)]
    pub stops_first: bool,
    /// Whether a restart of everything leaves it alone when it runs.
    #[serde(default)]
    pub stays_up: bool,
    /// What is lost when its container is made anew.
    pub loses: Option<String>,
    /// How long a start or a stop may take, in seconds.
    pub patience_s: Option<u64>,
}

impl Component {
    /// Its units or compose services.
    #[must_use]
    pub fn unit_names<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        if self.units.is_empty() {
            vec![self.unit.as_deref().unwrap_or(name)]
        } else {
            self.units.iter().map(String::as_str).collect()
        }
    }

    /// The ports that it listens on.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        self.listens.iter().filter_map(|place| place.rsplit_once(':')?.1.parse().ok())
    }
}

/// How systemd is asked.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct Systemd {
    /// The address of its bus; nothing means the system's, and `systemctl` where there is none.
    pub bus: Option<String>,
    /// Crontabs, and directories of them, that may restart components.
    pub crontabs: Vec<PathBuf>,
}

/// How Docker is asked.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct Docker {
    /// Its socket; nothing asks nobody.
    pub socket: Option<PathBuf>,
}

/// How Docker Compose is called.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct Compose {
    /// The file that describes the services; a relative path counts from the site's directory.
    pub file: Option<PathBuf>,
    /// The project; nothing means the name of the file's directory.
    pub project: Option<String>,
    /// The program and its first arguments; empty for whichever version is installed.
    pub command: Vec<String>,
}

impl Compose {
    /// The same with the whole path of its file.
    #[must_use]
    pub fn of_site(&self, site: &Path) -> Self {
        Self { file: self.file.as_ref().map(|file| site.join(file)), ..self.clone() }
    }

    /// The project's name, as compose makes it of the directory.
    #[must_use]
    pub fn project(&self) -> String {
        let directory = || self.file.as_ref()?.parent()?.file_name()?.to_str();
        let name = self.project.as_deref().or_else(directory).unwrap_or_default().to_lowercase();
        let good = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        name.chars().filter(good).collect()
    }
}
