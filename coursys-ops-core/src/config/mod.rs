//! The configuration: profile of the layout < the site's variables < file < environment < arguments.
//!
//! [`read_sources`] gathers what the layers are made of, [`load`] lays them over each other. [`Schema`] is the one list
//! of keys that validation, `config show` and the documentation read.

mod error;
mod keys;
mod layer;
mod load;
mod merge;
mod model;
mod own;
mod profile;
mod reference;
mod rules;
mod schema;
mod secrets;
mod show;
mod site;
pub(crate) mod sources;
mod value;

pub use error::{ConfigErrors, Origin, Problem};
pub use layer::{ENV_PREFIX, OTHER_VARIABLES, SITE_VARIABLES};
pub use load::{Loaded, Shown, load};
pub use merge::either;
pub use model::SiteCode;
pub use model::{
    Broker, Cache, Cas, Celery, Checks, Component, Compose, Config, Database, Disk, Docker, Dumps, Email,
    Emplid, Engine, Files, Gunicorn, Kerberos, Maintenance, Manager, Photos, Plans, PortProtocol, Ports,
    PrivatePort, ReportingDb, Search, SecretValue, Server, Site, Subnet, System, Systemd, Time, Tls, Web,
};
pub use model::{
    FileType, Limits, OwnCheck, OwnCommand, OwnDns, OwnFile, OwnHttp, OwnLook, OwnPlace, OwnProcess, OwnTcp,
    OwnUnit, OwnUrl, Pattern,
};
pub use own::{COMMON_KEYS, OWN_KINDS, OwnKey, own_example, own_keys};
pub use profile::{DEFAULT_LAYOUT, LAYOUTS, profile};
pub use reference::{reference, template};
pub use schema::{Key, SERVERS, Schema};
pub use show::{show_json, show_text};
pub use site::{answered, harmless, site_complaint};
pub use sources::{
    DEFAULT_FILE, FILE_VARIABLE, FileSource, Options, SITE_ENVIRONMENT, SiteEnvironment, Sources, file_path,
    read_sources,
};
pub use value::{Kind, Value};
