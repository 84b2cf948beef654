//! A connection to a broker with one channel.

use std::time::Duration;

use coursys_ops_core::Scope;
use coursys_ops_core::config::Broker;
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::net::Stream;

use super::AmqpError;
use super::frame::{FRAME_MAX, Frame, Frames, content, method};
use super::method::{Method, Properties, Request, call, id};
use super::wire::Writer;
use crate::login::Login;

/// The largest message that is taken, in bytes: a probe's answer has a few hundred.
pub(super) const BODY_MAX: u64 = 64 << 10;

/// How long saying goodbye may take; without it the broker logs a client that vanished.
const GOODBYE: Duration = Duration::from_millis(100);

/// The only channel.
const CHANNEL: u16 = 1;

/// RabbitMQ's queue for answers that leaves nothing behind: it exists as long as this channel.
const REPLY_TO: &str = "amq.rabbitmq.reply-to";

/// How full a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Messages that wait.
    pub messages: u32,
    /// Who takes messages.
    pub consumers: u32,
}

/// What the broker tells after a request was sent.
#[derive(Debug)]
pub enum Incoming {
    /// It took the request.
    Confirmed,
    /// It could not take the request.
    NotConfirmed,
    /// It takes nothing at the moment, for this reason.
    Blocked(String),
    /// It had no queue for the request.
    Returned {
        /// AMQP's reply code.
        code: u16,
        /// The broker's words.
        text: String,
    },
    /// A message for us.
    Message(Message),
    /// A message for us larger than any answer, in bytes.
    TooLarge(u64),
}

/// A message for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What its body is.
    pub content_type: Option<String>,
    /// Which request it answers.
    pub correlation_id: Option<String>,
    /// Its contents.
    pub body: Vec<u8>,
}

/// A message whose contents are on their way.
#[derive(Debug)]
struct Partial {
    returned: Option<(u16, String)>,
    properties: Option<Properties>,
    body: Vec<u8>,
}

/// A connection to a broker, logged in to the virtual host.
#[derive(Debug)]
pub struct Connection<S = Stream> {
    frames: Frames<S>,
    product: String,
    partial: Option<Partial>,
}

impl Connection {
    /// Connects and logs in.
    ///
    /// # Errors
    ///
    /// The finding that says what is wrong. It waits as long as the broker lets it.
    pub async fn open(scope: &Scope, broker: &Broker) -> Result<Self, Finding> {
        let server = &broker.server;
        let Login { user, password } = Login::required(server)?;
        let stream = scope.dial(server).await.map_err(|error| error.finding(server))?;
        let connecting = Self::log_in(stream, user, password.expose(), &broker.vhost);
        connecting.await.map_err(|error| error.finding(server))
    }
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Connection<S> {
    pub(super) async fn log_in(
        stream: S,
        user: &str,
        password: &str,
        vhost: &str,
    ) -> Result<Self, AmqpError> {
        let mut this = Self { frames: Frames::new(stream), product: String::new(), partial: None };
        this.frames.send(b"AMQP\x00\x00\x09\x01").await?;
        let Method::Start { product, mechanisms } = this.method().await? else {
            return Err(out_of_turn());
        };
        this.product = product;
        if !mechanisms.split(' ').any(|mechanism| mechanism == "PLAIN") {
            return Err(AmqpError::Garbage(format!("it offers no login by password, only `{mechanisms}`")));
        }
        // Without this capability RabbitMQ answers a wrong password by hanging up.
        let capabilities =
            Writer::default().true_field("authentication_failure_close").true_field("connection.blocked");
        let properties =
            Writer::default().text_field("product", "coursys-ops").table_field("capabilities", &capabilities);
        let start_ok = call(id::CONNECTION, id::START_OK)
            .table(&properties)
            .short("PLAIN")
            .long(format!("\0{user}\0{password}").as_bytes())
            .short("en_US");
        this.frames.send(&method(0, start_ok)).await?;
        this.expect(&Method::Tune).await?;
        // One channel, and no heartbeats: a look is over before the first would be due.
        let tune_ok = call(id::CONNECTION, id::TUNE_OK).u16(CHANNEL).u32(FRAME_MAX).u16(0);
        let open = call(id::CONNECTION, id::OPEN).short(vhost).short("").u8(0);
        this.frames.send(&[method(0, tune_ok), method(0, open)].concat()).await?;
        this.expect(&Method::OpenOk).await?;
        Ok(this)
    }

    /// What the broker calls itself: name and version.
    #[must_use]
    pub fn product(&self) -> &str {
        &self.product
    }

    /// Opens the channel.
    ///
    /// # Errors
    ///
    /// See [`AmqpError`]; so for all below.
    pub async fn open_channel(&mut self) -> Result<(), AmqpError> {
        self.frames.send(&method(CHANNEL, call(id::CHANNEL, id::CHANNEL_OPEN).short(""))).await?;
        self.expect(&Method::ChannelOpenOk).await
    }

    /// How full a queue is. Creates nothing: a queue that is missing is an error and closes the channel.
    ///
    /// # Errors
    ///
    /// [`AmqpError::is_not_found`] when there is no such queue.
    pub async fn depth(&mut self, queue: &str) -> Result<Depth, AmqpError> {
        const PASSIVE: u8 = 1;
        let declare = call(id::QUEUE, id::DECLARE).u16(0).short(queue).u8(PASSIVE).table(&Writer::default());
        self.frames.send(&method(CHANNEL, declare)).await?;
        match self.method().await? {
            Method::DeclareOk { messages, consumers } => Ok(Depth { messages, consumers }),
            _ => Err(out_of_turn()),
        }
    }

    /// Sends a request to a queue and listens for the answer, which [`next`](Self::next) gives.
    ///
    /// # Errors
    ///
    /// See [`AmqpError`].
    pub async fn request(&mut self, queue: &str, request: &Request) -> Result<(), AmqpError> {
        const NO_ACK: u8 = 2;
        const MANDATORY: u8 = 1;
        let select = call(id::CONFIRM, id::SELECT).u8(0);
        self.frames.send(&method(CHANNEL, select)).await?;
        self.expect(&Method::SelectOk).await?;
        let consume = call(id::BASIC, id::CONSUME)
            .u16(0)
            .short(REPLY_TO)
            .short("")
            .u8(NO_ACK)
            .table(&Writer::default());
        self.frames.send(&method(CHANNEL, consume)).await?;
        self.expect(&Method::ConsumeOk).await?;
        let publish = call(id::BASIC, id::PUBLISH).u16(0).short("").short(queue).u8(MANDATORY);
        let content = content(CHANNEL, request.header(REPLY_TO), &request.body);
        self.frames.send(&[method(CHANNEL, publish), content].concat()).await
    }

    /// What the broker tells next. Giving up in the middle loses nothing.
    ///
    /// # Errors
    ///
    /// See [`AmqpError`].
    pub async fn next(&mut self) -> Result<Incoming, AmqpError> {
        loop {
            match self.frames.next().await? {
                Frame::Method(_, method) => match method {
                    Method::Ack => return Ok(Incoming::Confirmed),
                    Method::Nack => return Ok(Incoming::NotConfirmed),
                    Method::Blocked { reason } => return Ok(Incoming::Blocked(reason)),
                    Method::Deliver => self.partial = Some(Partial::new(None)),
                    Method::Return { code, text } => self.partial = Some(Partial::new(Some((code, text)))),
                    method => self.refused(method).await?,
                },
                Frame::Header(properties) => {
                    let partial = self.partial.as_mut().ok_or_else(out_of_turn)?;
                    if properties.body_size > BODY_MAX {
                        return Ok(Incoming::TooLarge(properties.body_size));
                    }
                    partial.properties = Some(properties);
                }
                Frame::Body(piece) => {
                    self.partial.as_mut().ok_or_else(out_of_turn)?.push(&piece)?;
                }
                Frame::Heartbeat => {}
            }
            if let Some(incoming) = self.partial.take_if(|partial| partial.is_complete()) {
                return Ok(incoming.into());
            }
        }
    }

    /// Says goodbye. Waits a moment at most, and whatever comes of it does not matter.
    pub async fn close(mut self) {
        const OK: u16 = 200;
        let goodbye = async {
            let close = call(id::CONNECTION, id::CLOSE).u16(OK).short("").u16(0).u16(0);
            self.frames.send(&method(0, close)).await?;
            while !matches!(self.frames.next().await?, Frame::Method(0, Method::CloseOk)) {}
            Ok::<_, AmqpError>(())
        };
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }

    /// The next method; what refuses ours is an error.
    async fn method(&mut self) -> Result<Method, AmqpError> {
        loop {
            match self.frames.next().await? {
                Frame::Method(_, method) => {
                    self.refused(method.clone()).await?;
                    if !matches!(method, Method::Other(..) | Method::Blocked { .. }) {
                        return Ok(method);
                    }
                }
                Frame::Heartbeat => {}
                Frame::Header(_) | Frame::Body(_) => return Err(out_of_turn()),
            }
        }
    }

    async fn expect(&mut self, expected: &Method) -> Result<(), AmqpError> {
        if self.method().await? == *expected { Ok(()) } else { Err(out_of_turn()) }
    }

    /// Makes an error of the methods with which a broker refuses, and answers as they demand.
    async fn refused(&mut self, refusal: Method) -> Result<(), AmqpError> {
        match refusal {
            Method::Close { code, text } => {
                let _ = self.frames.send(&method(0, call(id::CONNECTION, id::CLOSE_OK))).await;
                Err(AmqpError::Closed { code, text })
            }
            Method::ChannelClose { code, text } => {
                let close_ok = call(id::CHANNEL, id::CHANNEL_CLOSE_OK);
                let _ = self.frames.send(&method(CHANNEL, close_ok)).await;
                Err(AmqpError::ChannelClosed { code, text })
            }
            _ => Ok(()),
        }
    }
}

impl Partial {
    const fn new(returned: Option<(u16, String)>) -> Self {
        Self { returned, properties: None, body: Vec::new() }
    }

    fn missing(&self) -> Option<u64> {
        let size = self.properties.as_ref()?.body_size;
        Some(size.saturating_sub(u64::try_from(self.body.len()).unwrap_or(u64::MAX)))
    }

    fn is_complete(&self) -> bool {
        self.missing() == Some(0)
    }

    fn push(&mut self, piece: &[u8]) -> Result<(), AmqpError> {
        let fits =
            self.missing().is_some_and(|missing| u64::try_from(piece.len()).is_ok_and(|n| n <= missing));
        if !fits {
            return Err(AmqpError::Garbage("a message longer than announced".to_owned()));
        }
        self.body.extend_from_slice(piece);
        Ok(())
    }
}

impl From<Partial> for Incoming {
    fn from(partial: Partial) -> Self {
        let properties = partial.properties.unwrap_or_default();
        match partial.returned {
            Some((code, text)) => Self::Returned { code, text },
            None => Self::Message(Message {
                content_type: properties.content_type,
                correlation_id: properties.correlation_id,
                body: partial.body,
            }),
        }
    }
}

fn out_of_turn() -> AmqpError {
    AmqpError::Garbage("a frame out of turn".to_owned())
}

/// The code of a return that says there is no such queue is 312; the others are the broker's own trouble.
impl Incoming {
    /// The finding for what is not an answer, when it is not good either.
    #[must_use]
    pub fn trouble(&self, queue: &str) -> Option<Finding> {
        const NO_ROUTE: u16 = 312;
        match self {
            Self::Confirmed | Self::Message(_) => None,
            Self::NotConfirmed => Some(Finding::failed(
                Code::Rejected,
                format!("the broker could not put the probe into `{queue}`"),
                "look at the broker's log",
            )),
            Self::Blocked(reason) => Some(Finding::failed(
                Code::TryLater,
                format!("the broker takes no messages: {reason}"),
                "free memory or disk space on the broker's machine: `rabbitmqctl status` shows the alarm",
            )),
            Self::Returned { code: NO_ROUTE, .. } => Some(no_queue(queue)),
            Self::Returned { code, text } => Some(Finding::failed(
                Code::Rejected,
                format!("the broker sent the probe back: {code} {text}"),
                "look at the broker's log",
            )),
            Self::TooLarge(size) => Some(Finding::failed(
                Code::Garbage,
                format!("an answer of {size} bytes came back where a few hundred were expected"),
                "look at who else consumes this queue: `rabbitmqctl list_consumers`",
            )),
        }
    }
}

/// The finding for a queue that does not exist.
#[must_use]
pub fn no_queue(queue: &str) -> Finding {
    Finding::failed(
        Code::NoQueue,
        format!("the queue `{queue}` does not exist"),
        format!(
            "start the worker of `{queue}`, which makes its queue; if the broker was recreated, restart all of Celery"
        ),
    )
}
