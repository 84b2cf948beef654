//! Servers that are gone, hang, lie, or hold something else than they should.

use crate::matrix::Scene;
use crate::{Liar, Manner, administrator, fault};

/// A server is ended with SIGKILL, and started again afterwards.
pub fn stopped(server: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let servers = scene.servers;
        scene.hold(fault::stopped(servers, server));
    }
}

/// Every process of a server is stopped with SIGSTOP.
pub fn hung(server: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| scene.hold(fault::hung(scene.servers, server))
}

/// A liar in the place of the server of this section (`database`, `broker`, `cache`, `search`, `email`).
pub fn liar(section: &'static str, manner: Manner) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        scene.set(&format!("{section}.host"), "127.0.0.1");
        scene.set(&format!("{section}.port"), Liar::new(manner).port);
    }
}

/// A liar whose address, `127.0.0.1:PORT`, takes the place of `{}` in the value of a key.
pub fn liar_for(key: &'static str, value: &'static str, manner: Manner) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let address = format!("127.0.0.1:{}", Liar::new(manner).port);
        scene.set(key, value.replace("{}", &address));
    }
}

/// Runs a statement of SQL as MariaDB's administrator when it is dropped.
struct UndoSql<'a>(&'a crate::Servers, String);

impl Drop for UndoSql<'_> {
    fn drop(&mut self) {
        let _ = administrator::sql(self.0, &self.1);
    }
}

/// Statements that MariaDB's administrator runs in the site's database, and those that undo them.
pub fn sql(statements: impl Into<String>, undo: impl Into<String>) -> impl Fn(&mut Scene<'_>) {
    let (statements, undo) = (statements.into(), undo.into());
    move |scene| {
        let servers = scene.servers;
        // First, so that statements that fail half-way are undone too.
        scene.hold(UndoSql(servers, undo.clone()));
        let _ = administrator::sql(servers, &statements);
    }
}

/// Runs `rabbitmqctl` when it is dropped.
struct UndoBroker<'a>(&'a crate::Servers, &'static [&'static str]);

impl Drop for UndoBroker<'_> {
    fn drop(&mut self) {
        let _ = administrator::rabbitmqctl(self.0, self.1);
    }
}

/// Arguments for `rabbitmqctl`, and those that undo them.
pub fn rabbitmqctl(args: &'static [&'static str], undo: &'static [&'static str]) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let servers = scene.servers;
        scene.hold(UndoBroker(servers, undo));
        let _ = administrator::rabbitmqctl(servers, args);
    }
}
