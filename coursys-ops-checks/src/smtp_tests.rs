use proptest::prelude::*;

use super::*;
use crate::testing::says;

#[test]
fn a_line_of_a_reply_has_three_digits_and_then_a_space_a_hyphen_or_nothing() {
    assert_eq!(reply_line(b"250-mail.example"), Some((250, false, "mail.example".to_owned())));
    assert_eq!(reply_line(b"250 HELP"), Some((250, true, "HELP".to_owned())));
    assert_eq!(reply_line(b"354"), Some((354, true, String::new())));
    for line in
        [&b""[..], b"25", b"2500", b"+OK ready", b"100 continue", b"999 x", b"HTTP/1.1 400 Bad Request"]
    {
        assert_eq!(reply_line(line), None, "{line:?}");
    }
}

#[tokio::test]
async fn a_reply_of_many_lines_is_one_and_an_endless_one_is_garbage() {
    let mut wire = Wire::new(says(b"250-a\r\n250-b\r\n250 c\r\n".to_vec()).await);
    let reply = read_reply(&mut wire).await.unwrap();
    assert_eq!((reply.code, reply.lines.len()), (250, 3));
    let mut wire = Wire::new(says(b"250-again\r\n".repeat(10_000)).await);
    assert!(matches!(read_reply(&mut wire).await, Err(WireError::Garbage(_))));
}

#[test]
fn no_line_of_a_message_ends_it_early() {
    assert_eq!(dot_stuffed(b"a\r\n.\r\n..b\r\n"), b"a\r\n..\r\n...b\r\n.\r\n");
    assert_eq!(dot_stuffed(b"no end"), b"no end\r\n.\r\n");
}

#[test]
fn a_machine_with_a_strange_name_says_a_plain_one() {
    assert_eq!(hello_name("courses.example"), "courses.example");
    for name in ["", "two words", "x\r\nMAIL FROM:<a@b>", "ü"] {
        assert_eq!(hello_name(name), "localhost");
    }
}

proptest! {
    #[test]
    fn no_line_from_a_stranger_takes_the_parser_down(line in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = reply_line(&line);
    }

    #[test]
    fn a_stuffed_message_ends_once_and_at_its_end(message in "[.a\r\n]{0,40}") {
        let message = message.replace('\r', "").replace('\n', "\r\n");
        let stuffed = dot_stuffed(message.as_bytes());
        let text = String::from_utf8(stuffed).unwrap();
        let ends: Vec<_> = format!("\r\n{text}").match_indices("\r\n.\r\n").map(|(at, _)| at).collect();
        prop_assert_eq!(ends, vec![text.len() - 3]);
    }
}
