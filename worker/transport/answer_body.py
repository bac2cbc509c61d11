"""Reading an answer's body, within bounds whatever it claims to be."""

from urllib3 import BaseHTTPResponse, HTTPHeaderDict, HTTPResponse
from urllib3.exceptions import DecodeError

from worker.transport.bounded_answer import AnswerTooLong

#: Convertro's answers are a line of JSON; this is what it may come to, decompressed.
MAX_BODY_BYTES = 64 * 1024
CHUNK_BYTES = 16 * 1024

#: What can be decoded. None is asked for, but a proxy may compress all the same.
CONTENT_ENCODINGS = ("", "identity", *HTTPResponse.CONTENT_DECODERS)
TRANSFER_ENCODINGS = ("", "identity", "chunked")


def read_body(answer: BaseHTTPResponse) -> bytes:
    """Read a body to its end.

    Raises:
        AnswerTooLong: It goes on beyond its bound; the rest was not read.
        HTTPError: It cannot be decoded, breaks off, or does not end in time.
    """
    _check_encodings(answer.headers)
    body = bytearray()
    while chunk := answer.read1(CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise AnswerTooLong
    return bytes(body)


def _check_encodings(headers: HTTPHeaderDict) -> None:
    """Refuse what nobody here can decode; read as it is, it might hide an error."""
    content = headers.get("Content-Encoding", "").lower().split(",")
    known = all(coding.strip() in CONTENT_ENCODINGS for coding in content)
    if not known or headers.get("Transfer-Encoding", "").lower() not in TRANSFER_ENCODINGS:
        raise DecodeError("the answer's encoding is unknown")
