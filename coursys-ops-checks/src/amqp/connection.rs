//! A connection to a broker with one channel.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use amq_protocol::frame::{AMQPFrame, parse_frame};
use amq_protocol::protocol::{AMQPClass, connection};
use async_rs::Runtime;
use coursys_ops_core::Scope;
use coursys_ops_core::config::Broker;
use coursys_ops_core::model::Finding;
use coursys_ops_core::net::{Overheard, Stream};
use futures_util::StreamExt as _;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
    QueueDeclareOptions,
};
use lapin::tcp::AsyncTcpStream;
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPUri, AMQPUserInfo};
use lapin::{
    BasicProperties, Channel, Confirmation, ConnectionProperties, Consumer, Event, ExchangeKind,
    PublisherConfirm,
};
use tokio::sync::oneshot;

use super::AmqpError;
use super::error::Step;
use super::kit::Kit;
use super::line::{Line, Scissors};
use super::message::{Broadcast, Depth, Incoming, Message, Request, cut, name};
use super::stranger::FRAME_MAX;
use crate::login::Login;

/// How long saying goodbye may take; without it the broker logs a client that vanished.
const GOODBYE: Duration = Duration::from_millis(100);

/// How many channels may have been opened, one after the other: a queue that is missing costs one, and the library does not
/// give its number back in time.
const CHANNELS: u16 = 64;

/// RabbitMQ's queue for answers that leaves nothing behind: it exists as long as this channel.
const REPLY_TO: &str = "amq.rabbitmq.reply-to";

/// A connection to a broker, logged in to the virtual host. Dropping it ends all that lapin runs for it.
pub struct Connection {
    lapin: lapin::Connection,
    events: Pin<Box<dyn futures_util::Stream<Item = Event> + Send>>,
    channel: Option<Channel>,
    sent: Option<PublisherConfirm>,
    answers: Option<Consumer>,
    life: Life,
}

/// What of a connection is outside of lapin. When it is dropped, lapin's thread and tasks end.
struct Life {
    kit: Kit,
    scissors: std::sync::Arc<Scissors>,
    ear: Overheard,
    let_go: oneshot::Receiver<()>,
}

impl Drop for Life {
    fn drop(&mut self) {
        self.scissors.cut();
        self.kit.end_tasks();
    }
}

impl Life {
    fn error(&self, step: Step, error: &lapin::Error) -> AmqpError {
        AmqpError::new(step, error, &self.ear.heard())
    }
}

impl Connection {
    /// Connects and logs in.
    ///
    /// # Errors
    ///
    /// The finding that says what is wrong. It waits as long as the broker lets it.
    pub async fn open(scope: &Scope, broker: &Broker) -> Result<Self, Finding> {
        let server = &broker.server;
        let login = Login::required(server)?;
        let stream = scope.dial(server).await.map_err(|error| error.finding(server))?;
        let logged_in = Self::log_in(stream, login, &broker.vhost, &scope.context().version).await;
        logged_in.map_err(|error| error.finding(server))
    }

    async fn log_in(stream: Stream, login: Login<'_>, vhost: &str, version: &str) -> Result<Self, AmqpError> {
        let (line, remains) = Line::new(stream);
        let kit = Kit::current();
        let life =
            Life { kit: kit.clone(), scissors: remains.scissors, ear: remains.ear, let_go: remains.let_go };
        // There is one line: whatever lapin thinks of trying again, it cannot.
        let line = Mutex::new(Some(line));
        let connect = async move |_, _| {
            let line = line.lock().unwrap_or_else(PoisonError::into_inner).take();
            let line = line.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotConnected))?;
            Ok(AsyncTcpStream::Plain(line))
        };
        // Without both of the first two lapin would introduce itself.
        let properties = ConnectionProperties::default()
            .with_client_property("product".into(), "coursys-ops".into())
            .with_client_property("version".into(), version.into())
            .with_connection_name("coursys-ops".into());
        let opening = lapin::Connection::connector(uri(login, vhost), Runtime::new(kit), connect, properties);
        let lapin = opening.await.map_err(|error| life.error(Step::Login, &error))?;
        let events = Box::pin(lapin.events_listener());
        Ok(Self { lapin, events, channel: None, sent: None, answers: None, life })
    }

    /// What the broker calls itself: name and version.
    #[must_use]
    pub fn product(&self) -> String {
        greeting(&self.life.ear.heard().first, &["product", "version"])
            .unwrap_or_else(|| "a broker without a name".to_owned())
    }

    /// The broker's version, where it tells one.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        greeting(&self.life.ear.heard().first, &["version"])
    }

    /// How full a queue is. Creates nothing: a queue that is missing is an error and closes the channel.
    ///
    /// # Errors
    ///
    /// [`AmqpError::is_not_found`] when there is no such queue.
    pub async fn depth(&mut self, queue: &str) -> Result<Depth, AmqpError> {
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let channel = self.channel().await?;
        let declared = channel.queue_declare(name(queue), passive, FieldTable::default()).await;
        let queue = declared.map_err(|error| self.refused(&error))?;
        Ok(Depth { messages: queue.message_count(), consumers: queue.consumer_count() })
    }

    /// Sends a request to a queue and listens for the answer, which [`next`](Self::next) gives.
    ///
    /// # Errors
    ///
    /// See [`AmqpError`].
    pub async fn request(&mut self, queue: &str, request: &Request) -> Result<(), AmqpError> {
        let channel = self.channel().await?;
        let sending = async {
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            let no_ack = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
            let answers =
                channel.basic_consume(name(REPLY_TO), name(""), no_ack, FieldTable::default()).await?;
            let mandatory = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            let properties = request.properties(REPLY_TO);
            let sent =
                channel.basic_publish(name(""), name(queue), mandatory, &request.body, properties).await?;
            Ok((answers, sent))
        };
        let (answers, sent) = sending.await.map_err(|error: lapin::Error| self.refused(&error))?;
        (self.answers, self.sent) = (Some(answers), Some(sent));
        Ok(())
    }

    /// Sends a message that reaches nobody, to learn from [`next`](Self::next) whether the broker takes any.
    ///
    /// # Errors
    ///
    /// See [`AmqpError`].
    pub async fn send_to_nobody(&mut self, nobody: &str) -> Result<(), AmqpError> {
        let channel = self.channel().await?;
        let sending = async {
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            let anything = BasicPublishOptions::default();
            channel.basic_publish(name(""), name(nobody), anything, &[], BasicProperties::default()).await
        };
        self.sent = Some(sending.await.map_err(|error| self.refused(&error))?);
        Ok(())
    }

    /// Listens on a queue of its own, which nobody else sees and which goes with the connection; returns its name.
    ///
    /// # Errors
    ///
    /// See [`AmqpError`].
    pub async fn listen(&mut self) -> Result<String, AmqpError> {
        let channel = self.channel().await?;
        let listening = async {
            let own = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
            let queue = channel.queue_declare(name(""), own, FieldTable::default()).await?;
            let no_ack = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
            let nameless = FieldTable::default();
            let answers = channel.basic_consume(queue.name().clone(), name(""), no_ack, nameless).await?;
            Ok((queue.name().to_string(), answers))
        };
        let (queue, answers) = listening.await.map_err(|error: lapin::Error| self.refused(&error))?;
        self.answers = Some(answers);
        Ok(queue)
    }

    /// Whether there is an exchange of this name. Creates nothing.
    ///
    /// # Errors
    ///
    /// See [`AmqpError`].
    pub async fn has_fanout(&mut self, exchange: &str) -> Result<bool, AmqpError> {
        let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
        let channel = self.channel().await?;
        let kind = ExchangeKind::Fanout;
        let declared = channel.exchange_declare(name(exchange), kind, passive, FieldTable::default()).await;
        match declared.map_err(|error| self.refused(&error)) {
            Ok(()) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sends a message to everybody who listens to an exchange.
    ///
    /// # Errors
    ///
    /// See [`AmqpError`].
    pub async fn broadcast(&mut self, exchange: &str, message: &Broadcast) -> Result<(), AmqpError> {
        let channel = self.channel().await?;
        let anything = BasicPublishOptions::default();
        let properties = message.properties();
        let sent = channel.basic_publish(name(exchange), name(""), anything, &message.body, properties).await;
        sent.map_err(|error| self.refused(&error))?;
        Ok(())
    }

    /// What the broker tells next. Giving up in the middle loses nothing.
    ///
    /// # Errors
    ///
    /// See [`AmqpError`].
    pub async fn next(&mut self) -> Result<Incoming, AmqpError> {
        let Self { events, sent, answers, life, .. } = self;
        let confirmed = async {
            match sent {
                Some(confirm) => confirm.await,
                None => std::future::pending().await,
            }
        };
        let answered = async {
            match answers {
                Some(answers) => answers.next().await,
                None => std::future::pending().await,
            }
        };
        let blocked = async {
            loop {
                match events.next().await {
                    Some(Event::ConnectionBlocked(reason)) => return reason,
                    Some(_) => {}
                    None => return std::future::pending().await,
                }
            }
        };
        tokio::select! {
            biased;
            confirmation = confirmed => {
                self.sent = None;
                match confirmation {
                    Ok(Confirmation::Ack(Some(back)) | Confirmation::Nack(Some(back))) => {
                        Ok(Incoming::Returned { code: back.reply_code, text: back.reply_text.to_string() })
                    }
                    Ok(Confirmation::Nack(None)) => Ok(Incoming::NotConfirmed),
                    Ok(Confirmation::Ack(None) | Confirmation::NotRequested) => Ok(Incoming::Confirmed),
                    Err(error) => Err(life.error(Step::Channel, &error)),
                }
            }
            answer = answered => match answer {
                Some(Ok(delivery)) => Ok(Incoming::Message(Message::from(delivery))),
                Some(Err(error)) => Err(life.error(Step::Channel, &error)),
                None => Err(AmqpError::hung_up()),
            },
            reason = blocked => Ok(Incoming::Blocked(reason)),
        }
    }

    /// Says goodbye. Waits a moment at most, and whatever comes of it does not matter.
    pub async fn close(self) {
        const OK: u16 = 200;
        let Self { lapin, mut life, .. } = self;
        let goodbye = async {
            if lapin.close(OK, name("OK")).await.is_ok() {
                let _ = (&mut life.let_go).await;
            }
        };
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }

    /// What an error means; it closes the channel, so the next one who wants it gets a new one.
    pub(super) fn refused(&mut self, error: &lapin::Error) -> AmqpError {
        self.channel = None;
        self.life.error(Step::Channel, error)
    }

    /// The only channel, opened when it is first wanted.
    pub(super) async fn channel(&mut self) -> Result<Channel, AmqpError> {
        if let Some(channel) = &self.channel {
            return Ok(channel.clone());
        }
        let opened = self.lapin.create_channel().await;
        let channel = opened.map_err(|error| self.life.error(Step::Channel, &error))?;
        Ok(self.channel.insert(channel).clone())
    }
}

/// Whom to log in as, and where to. The address is nobody's: the line is there already.
fn uri(login: Login<'_>, vhost: &str) -> AMQPUri {
    let userinfo =
        AMQPUserInfo { username: login.user.to_owned(), password: login.password.expose().to_owned() };
    AMQPUri {
        authority: AMQPAuthority { userinfo, host: String::new(), port: 0 },
        vhost: cut(vhost).to_owned(),
        query: AMQPQueryString {
            frame_max: Some(FRAME_MAX),
            channel_max: Some(CHANNELS),
            ..AMQPQueryString::default()
        },
        ..AMQPUri::default()
    }
}

/// What a broker says of itself in its first frame, which lapin does not hand out.
fn greeting(first: &[u8], keys: &[&str]) -> Option<String> {
    let (_, AMQPFrame::Method(0, AMQPClass::Connection(connection::AMQPMethod::Start(start)))) =
        parse_frame(first).ok()?
    else {
        return None;
    };
    let properties = start.server_properties.inner();
    let text = |key: &&str| match properties.get(*key)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        _ => None,
    };
    let known: Vec<_> = keys.iter().filter_map(text).collect();
    Some(known.join(" ")).filter(|product| !product.is_empty())
}

#[cfg(test)]
mod tests {
    use super::greeting;

    #[test]
    fn a_broker_is_called_what_it_says_if_it_says_anything() {
        let product = |first: &[u8]| greeting(first, &["product", "version"]);
        assert_eq!(product(b""), None);
        assert_eq!(product(b"\x01\x00\x00\x00\x00\x01\xd7"), None);
        let field = |key: &str, value: &str| {
            let (key_size, size) = (u8::try_from(key.len()).unwrap(), u32::try_from(value.len()).unwrap());
            [&[key_size], key.as_bytes(), b"S", &size.to_be_bytes(), value.as_bytes()].concat()
        };
        let frame = |fields: &[u8]| {
            let size = u32::try_from(fields.len()).unwrap().to_be_bytes();
            let payload = [&[0, 10, 0, 10, 0, 9], &size[..], fields, &[0; 8]].concat();
            let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
            [&[1, 0, 0], &size[..], &payload, &[0xce]].concat()
        };
        let both = [field("product", "RabbitMQ"), field("version", "3.10.8")].concat();
        assert_eq!(product(&frame(&both)).as_deref(), Some("RabbitMQ 3.10.8"));
        assert_eq!(product(&frame(&field("product", "RabbitMQ"))).as_deref(), Some("RabbitMQ"));
        assert_eq!(product(&frame(&[])), None);
    }
}
