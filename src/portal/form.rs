//! A submitted form, read whole within bounds of size and time.
//!
//! The reader is stricter than browsers need: one encoding, UTF-8 without repair, no field twice. A form that two
//! readers could understand differently is refused.

use std::{error::Error, pin::pin};

use bytes::Bytes;
use http::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use percent_encoding::percent_decode;
use zeroize::{Zeroize, Zeroizing};

use crate::{pace::TooSlow, refusal::Refusal, request::SingleHeader};

/// The fields of a form; wiped when dropped, as one of them may be a password.
#[derive(Default)]
pub(crate) struct Form(Vec<Field>);

struct Field {
    name: String,
    value: Zeroizing<String>,
}

impl Form {
    /// Reads the body of a POST: `application/x-www-form-urlencoded`, at most `max_bytes` of it. The caller limits the
    /// time by a body that fails with [`TooSlow`].
    pub(super) async fn read<B>(headers: &HeaderMap, body: B, max_bytes: usize) -> Result<Self, Refusal>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        if !is_urlencoded(headers) {
            return Err(Refusal::UnsupportedMediaType);
        }
        // A declared length is refused before the first byte.
        if body.size_hint().lower() > max_bytes as u64 {
            return Err(Refusal::TooLarge);
        }
        let mut body = pin!(Limited::new(body, max_bytes));
        let mut text = Text::default();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error: Box<dyn Error + Send + Sync>| {
                if error.is::<LengthLimitError>() {
                    Refusal::TooLarge
                } else if error.is::<TooSlow>() {
                    Refusal::TooSlow
                } else {
                    Refusal::BadRequest("The form did not arrive completely.")
                }
            })?;
            if let Ok(data) = frame.into_data() {
                text.append(data);
            }
        }
        Self::parse(&text.0)
    }

    /// Reads `name=value&…`, from a body or a query.
    pub(crate) fn parse(encoded: &[u8]) -> Result<Self, Refusal> {
        let mut fields: Vec<Field> = Vec::new();
        for pair in encoded.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            if fields.len() == MAX_FIELDS {
                return Err(Refusal::BadRequest("The form has too many fields."));
            }
            if fields.iter().any(|field| field.name == *name) {
                return Err(Refusal::BadRequest("The form contains a field twice."));
            }
            fields.push(Field { name: name.as_str().to_owned(), value });
        }
        Ok(Self(fields))
    }

    /// All fields, in the order in which they were sent.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|field| (field.name.as_str(), field.value.as_str()))
    }

    /// The value of a field; empty if there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|field| field.name == name).map_or("", |field| field.value.as_str())
    }

    /// Takes a value out of the form; empty if there is none.
    pub(super) fn take(&mut self, name: &str) -> String {
        self.0
            .iter_mut()
            .find(|field| field.name == name)
            .map(|field| std::mem::take(&mut *field.value))
            .unwrap_or_default()
    }
}

/// The bytes of a form so far. When the buffer grows, the old one is wiped.
#[derive(Default)]
struct Text(Zeroizing<Vec<u8>>);

impl Text {
    fn append(&mut self, data: Bytes) {
        let needed = self.0.len() + data.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(self.0.capacity() * 2)));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(&data);
        // Bytes that are shared with the connection's buffer can't be overwritten.
        if let Ok(mut own) = data.try_into_mut() {
            own.as_mut().zeroize();
        }
    }
}

fn decode(encoded: &[u8]) -> Result<Zeroizing<String>, Refusal> {
    // Full capacity from the start: a buffer that grows leaves an unwiped copy behind.
    let mut spaced = Zeroizing::new(Vec::with_capacity(encoded.len()));
    spaced.extend(encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }));
    let mut bytes = Zeroizing::new(Vec::with_capacity(encoded.len()));
    bytes.extend(percent_decode(&spaced));
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(Refusal::BadRequest("The form is not valid UTF-8.")),
    }
}

fn is_urlencoded(headers: &HeaderMap) -> bool {
    let Ok(Some(content_type)) = SingleHeader::of(headers, CONTENT_TYPE).text() else { return false };
    let mut parts = content_type.split(';').map(str::trim);
    parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
        && parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
            !name.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
        && headers
            .get_all(CONTENT_ENCODING)
            .iter()
            .all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

const MAX_FIELDS: usize = 32;

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use http::HeaderValue;
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    use super::*;

    fn headers(content_type: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))])
    }

    async fn read(content_type: &'static str, body: impl Into<Bytes>) -> Result<Form, Refusal> {
        Form::read(&headers(content_type), Full::new(body.into()), MAX_BYTES).await
    }

    const MAX_BYTES: usize = 16 * 1024;
    const PLAIN: &str = "application/x-www-form-urlencoded";

    #[tokio::test]
    async fn fields_are_decoded_once() {
        let mut form = read(PLAIN, "a=1&b=x+y%2Bz%2520&c=%C3%A4%00&d&=e&&f==").await.unwrap();
        for (name, value) in
            [("a", "1"), ("b", "x y+z%20"), ("c", "ä\0"), ("d", ""), ("", "e"), ("f", "="), ("g", "")]
        {
            assert_eq!(form.text(name), value, "{name}");
        }
        assert_eq!(form.take("a"), "1");
        assert_eq!(form.text("a"), "");
    }

    #[tokio::test]
    async fn ambiguous_and_oversized_forms_are_refused() {
        let status = |result: Result<Form, Refusal>| result.err().map(|refusal| refusal.status().as_u16());
        assert_eq!(status(read(PLAIN, "a=1&b=2&a=1").await), Some(400));
        assert_eq!(status(read(PLAIN, "a=1&%61=1").await), Some(400));
        assert_eq!(status(read(PLAIN, "a=%ff").await), Some(400));
        assert_eq!(status(read(PLAIN, &b"a=\xc3"[..]).await), Some(400));
        let many = (0..=MAX_FIELDS).map(|n| format!("f{n}=")).collect::<Vec<_>>().join("&");
        assert_eq!(status(read(PLAIN, many).await), Some(400));
        assert_eq!(status(read(PLAIN, "a".repeat(MAX_BYTES)).await), None);
        assert_eq!(status(read(PLAIN, "a".repeat(MAX_BYTES + 1)).await), Some(413));
        // Not announced, but sent.
        let chunks = (0..3).map(|_| Ok::<_, Infallible>(Frame::data(Bytes::from(vec![b'a'; 64 * 1024]))));
        let endless = StreamBody::new(stream::iter(chunks));
        assert_eq!(status(Form::read(&headers(PLAIN), endless, MAX_BYTES).await), Some(413));
    }

    #[tokio::test]
    async fn only_one_encoding_is_understood() {
        for good in [PLAIN, "Application/X-WWW-Form-Urlencoded; charset=UTF-8"] {
            assert!(read(good, "a=1").await.is_ok(), "{good}");
        }
        for bad in ["", "text/plain", "multipart/form-data; boundary=x", "application/json"] {
            assert_eq!(read(bad, "a=1").await.err(), Some(Refusal::UnsupportedMediaType), "{bad}");
        }
        let latin = "application/x-www-form-urlencoded; charset=iso-8859-1";
        assert_eq!(read(latin, "a=1").await.err(), Some(Refusal::UnsupportedMediaType));
        let mut packed = headers(PLAIN);
        packed.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert_eq!(
            Form::read(&packed, Full::new(Bytes::new()), MAX_BYTES).await.err(),
            Some(Refusal::UnsupportedMediaType)
        );
    }

    #[tokio::test]
    async fn a_form_reads_the_same_in_whatever_pieces_it_arrives() {
        let text = "a=1&password=velvet+turbine%20oyster&c=%C3%A4";
        for size in [1, 2, 7, text.len()] {
            let pieces = text.as_bytes().chunks(size).map(Bytes::copy_from_slice);
            let frames = pieces.map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
            let body = StreamBody::new(stream::iter(frames.collect::<Vec<_>>()));
            let form = Form::read(&headers(PLAIN), body, MAX_BYTES).await.unwrap();
            let fields: Vec<_> = form.fields().collect();
            assert_eq!(fields, [("a", "1"), ("password", "velvet turbine oyster"), ("c", "ä")], "{size}");
        }
    }

    #[tokio::test]
    async fn a_form_that_does_not_arrive_is_refused() {
        let late = StreamBody::new(stream::iter([Err::<Frame<Bytes>, _>(TooSlow)]));
        let result = Form::read(&headers(PLAIN), late, MAX_BYTES).await;
        assert_eq!(result.err(), Some(Refusal::TooSlow));
        let broken = StreamBody::new(stream::iter([Err::<Frame<Bytes>, _>(std::io::Error::other("reset"))]));
        let result = Form::read(&headers(PLAIN), broken, MAX_BYTES).await;
        assert_eq!(result.err().map(|refusal| refusal.status().as_u16()), Some(400));
    }
}
