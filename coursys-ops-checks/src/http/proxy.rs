//! A tunnel through a proxy, for TLS.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::net::Stream;
use http_body_util::Full;
use hyper::{Method, StatusCode};

use super::send::{Line, not_http};
use super::target::Target;

/// Asks the proxy `hop`, to which `stream` leads, for a connection to `place`, and gives the stream back when it leads there.
///
/// # Errors
///
/// The finding that says what the proxy answers instead.
pub(super) async fn tunnel(stream: Stream, hop: &Target, place: &str) -> Result<Stream, Finding> {
    let refused = |why: &str| {
        Finding::failed(
            Code::Rejected,
            format!("the proxy {} does not connect us to {place}: {why}", hop.place()),
            "ask whoever runs the proxy, or correct its key",
        )
    };
    let asked = hyper::Request::builder()
        .method(Method::CONNECT)
        .uri(place)
        .header(hyper::header::HOST, place)
        .body(Full::<Bytes>::default())
        .map_err(|_| refused("the place is no address"))?;
    let Line { mut sender, mut connection, overheard } =
        Line::over(stream).await.map_err(|error| not_http(hop, &Default::default(), &error))?;
    let status = {
        let (mut answer, mut ended) = (pin!(sender.send_request(asked)), false);
        poll_fn(|cx| {
            // Without the farewell that would end the connection on which the tunnel begins.
            ended = ended || connection.poll_without_shutdown(cx).is_ready();
            match answer.as_mut().poll(cx) {
                Poll::Ready(answer) => Poll::Ready(answer.map(|answer| answer.status())),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
        .map_err(|error| not_http(hop, &overheard, &error))?
    };
    if status != StatusCode::OK {
        return Err(refused(&format!("it answers {status}")));
    }
    Ok(connection.into_parts().io.into_inner().into_inner())
}
