//! The service that makes HTML of Markdown, in Ruby as the real one: it consumes a queue of the broker.

use super::plan::Server;
use super::program::Program;
use super::rabbitmq;
use super::setting::{Setting, text};

/// The server's name in `status`, and the component's.
pub const NAME: &str = "ruby-markup";

/// Debian's Ruby.
pub const PROGRAM: &str = "/usr/bin/ruby";

/// Its libraries.
pub const LIBRARIES: [(&str, &str); 2] = [
    ("/usr/share/rubygems-integration/all/gems/bunny-*/lib/bunny.rb", "ruby-bunny"),
    ("/usr/share/doc/ruby-commonmarker/copyright", "ruby-commonmarker"),
];

/// The queue that the site sends its Markdown to.
const QUEUE: &str = "markdown2html_queue";

/// The server, which needs a broker that is up and the site's `fixture.json`. `version` is shown in `status`.
pub fn server(setting: &Setting, version: String) -> Server {
    let script = text(setting.site().join("markup.rb"));
    let mut program = Program::new(&setting.layout, NAME, &setting.accounts.nobody, &[PROGRAM, &script]);
    program.cwd = setting.site();
    Server {
        name: NAME.into(),
        version,
        port: None,
        socket: None,
        data_dir: setting.site(),
        log: setting.layout.log(NAME),
        program,
        probe: rabbitmq::probe(setting, Some(QUEUE)),
    }
}
