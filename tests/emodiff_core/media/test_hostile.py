"""Media files that mean harm: none reads another file, none asks the network, none unpacks without end."""

import struct
import threading
import zlib
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from PIL import Image, PngImagePlugin

from emodiff_core.audio import probe_sound
from emodiff_core.media import probe, read_picture
from emodiff_core.refusal import Refusal
from tests.poison import good_video

SCRIPTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile {address}\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{address}</BaseURL></MPD>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\na={address}\n",
    "asx": '<asx version="3.0"><entry><ref href="{address}"/></entry></asx>',
    "pls": "[playlist]\nFile1={address}\nNumberOfEntries=1\n",
}


@pytest.fixture
def listener():
    """A server that remembers who asked it for anything."""
    asked = []

    class Ear(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/secret.ts", asked
    server.shutdown()


@pytest.mark.parametrize("kind", SCRIPTS)
@pytest.mark.parametrize("ending", ["mp4", "m3u8", "wav"])
def test_a_script_named_as_media_reads_no_file_and_asks_no_server(kind, ending, listener, tmp_path):
    address, asked = listener
    secret = good_video(tmp_path / "secret.mp4", 0.2, "64x64")
    for target in (address, str(secret), f"file://{secret}", "secret.mp4"):
        path = tmp_path / f"{kind}.{ending}"
        path.write_text(SCRIPTS[kind].format(address=target))
        for read in (probe, probe_sound):
            with pytest.raises(Refusal) as refusal:
                read(path)
            assert refusal.value.code in ("NOT_MEDIA", "CORRUPT_MEDIA")
    assert asked == []


def test_a_text_chunk_that_unpacks_to_gigabytes_is_not_unpacked(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add(b"zTXt", b"k\0\0" + zlib.compress(bytes(200_000_000), 9))
    path = tmp_path / "bomb.png"
    Image.new("RGB", (80, 80)).save(path, pnginfo=info)
    with pytest.raises(Refusal):
        read_picture(path)


def test_a_header_that_promises_more_than_the_limit_is_believed_and_refused(tmp_path):
    path = tmp_path / "wide.png"
    Image.new("RGB", (80, 80)).save(path)
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 90_000, 90_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    with pytest.raises(Refusal) as refusal:
        read_picture(path)
    assert refusal.value.code == "PICTURE_TOO_LARGE"
