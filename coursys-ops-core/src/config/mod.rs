//! The configuration: profile of the layout < file < environment < arguments.

mod model;

pub use model::{
    Broker, Cache, Celery, Checks, Component, Config, Database, Disk, Email, Engine, Files, Manager, Search,
    SecretValue, Server, Site, Time, Tls, Web,
};
