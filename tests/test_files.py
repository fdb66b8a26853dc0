"""Files are whole: killed or failing at any point, the old one or the new one is there."""

import errno
import os
import stat
import subprocess
import sys
import threading

import pytest

from micrograd_es import MLP, BackwardPass, Value, draw_graph
from micrograd_es.base.files import write_file

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions and links of POSIX")

_model, _x = MLP(2, [2, 1], seed=0), Value(2.0, "x")
WRITERS = {
    "bytes": lambda path: write_file(path, b"new" * 100),
    "text": lambda path: write_file(path, "ñandú\n" * 50),
    "model": _model.save,
    "picture": lambda path: draw_graph(_x * _x).render(outfile=path, format="svg", cleanup=True),
    "page": BackwardPass(_x * _x).save_html,
}


@pytest.fixture(params=WRITERS)
def write(request):
    return WRITERS[request.param]


def test_what_is_written_is_there_and_nothing_else(write, tmp_path):
    path = tmp_path / "file"
    write(path)
    new = path.read_bytes()
    path.write_bytes(b"old")
    write(path)
    assert path.read_bytes() == new
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_utf_8_as_it_stands(tmp_path):
    write_file(tmp_path / "file", "ñ\n\r\n")
    assert (tmp_path / "file").read_bytes() == b"\xc3\xb1\n\r\n"


@pytest.mark.parametrize(
    "kind", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt(), MemoryError()]
)
@pytest.mark.parametrize("call", ["chmod", "fsync", "replace"])
def test_whatever_fails_the_old_file_is_whole_and_alone(write, tmp_path, monkeypatch, call, kind):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fails(*args):
        raise kind

    monkeypatch.setattr(os, call, fails)
    with pytest.raises(type(kind)):
        write(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@posix
@pytest.mark.parametrize("kind", ["bytes", "text", "model"])  # Graphviz itself needs a disk
def test_a_disk_that_is_full_after_any_byte_leaves_the_old_file(kind, tmp_path):
    import resource

    path, write = tmp_path / "file", WRITERS[kind]
    write(path)
    size = path.stat().st_size
    path.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in range(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            with pytest.raises(OSError, match=os.strerror(errno.EFBIG)) as caught:
                write(path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert caught.value.filename == str(path)
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]


KILLED = """
import os, resource, signal, sys
from micrograd_es.base.files import write_file

path, new = sys.argv[1], b"the new content"

def killed(prepare):
    "Whether a process that writes the file was killed."
    child = os.fork()
    if child == 0:
        prepare()
        write_file(path, new)
        os._exit(0)
    return os.waitpid(child, 0)[1] != 0

def at_byte(n):
    def prepare():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (n, n))
    return prepare

def at_line(n):
    def prepare():
        left = n
        def trace(frame, event, arg):
            nonlocal left
            if "micrograd_es" in frame.f_code.co_filename:
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace
        sys.settrace(trace)
    return prepare

def content():
    with open(path, "rb") as file:
        return file.read()

for n in range(len(new)):
    assert killed(at_byte(n)), n
    assert content() == b"old", n
assert not killed(at_byte(len(new)))
assert content() == new

write_file(path, b"old")
n, seen = 0, []
while killed(at_line(n)):
    seen.append(content())
    write_file(path, b"old")
    n += 1
assert set(seen) == {b"old", new}, seen
assert seen == sorted(seen), "the new file came back as the old one"
print(n)
"""


@posix
def test_killed_at_any_byte_or_line_the_file_is_the_old_one_or_the_new_one(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", KILLED, path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert int(done.stdout) > 20


def test_the_content_is_on_the_disk_before_it_takes_the_name(write, tmp_path, monkeypatch):
    path, calls = tmp_path / "file", []

    def noted(name, call):
        def noting(*args):
            calls.append((name, path.exists()))
            return call(*args)

        return noting

    for name in "fsync", "replace":
        monkeypatch.setattr(os, name, noted(name, getattr(os, name)))
    write(path)
    assert calls[:2] == [("fsync", False), ("replace", False)]
    if sys.platform != "win32":  # then the folder's new entry
        assert calls[2:] == [("fsync", True)]


def test_a_folder_that_cannot_be_opened_is_no_failure(tmp_path, monkeypatch):
    def refuses(*args):
        raise PermissionError

    monkeypatch.setattr(os, "open", refuses)
    write_file(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


@posix
def test_permissions_stay_and_new_files_have_those_of_any_other(write, tmp_path):
    path, plain = tmp_path / "file", tmp_path / "plain"
    plain.write_bytes(b"")
    write(path)
    assert path.stat().st_mode == plain.stat().st_mode
    for mode in 0o600, 0o664, 0o755:
        path.chmod(mode)
        write(path)
        assert stat.S_IMODE(path.stat().st_mode) == mode


@posix
def test_the_content_of_a_private_file_is_never_open_to_others(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o600)
    modes, fsync = [], os.fsync

    def noting(descriptor):
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    write_file(path, b"secret")
    assert modes[0] == 0o600


@posix
def test_the_owner_stays_where_one_may_give_a_file_away(write, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    try:
        os.chown(path, 12345, 23456)
    except OSError:  # not permitted, or an owner that a container has no number for
        pytest.skip("only root gives files away")
    path.chmod(0o640)
    write(path)
    new = path.stat()
    assert (new.st_uid, new.st_gid, stat.S_IMODE(new.st_mode)) == (12345, 23456, 0o640)


@posix
def test_the_group_stays_where_the_owner_cannot(write, tmp_path, monkeypatch):
    path, calls = tmp_path / "file", []
    path.write_bytes(b"old")
    old, real = path.stat(), os.stat

    def chown(path, owner, group):
        calls.append((owner, group))
        if owner != -1:
            raise PermissionError

    def other_group(path, **options):
        found = list(real(path, **options))
        found[5] += str(path).endswith(".tmp")  # st_gid, as in a folder that sets it
        return os.stat_result(found)

    monkeypatch.setattr(os, "chown", chown)
    monkeypatch.setattr(os, "stat", other_group)
    write(path)
    assert calls == [(old.st_uid, old.st_gid), (-1, old.st_gid)]


@posix
def test_what_a_killed_save_has_left_goes_with_the_next(write, tmp_path):
    path = tmp_path / "file"
    killed = """
import os, signal, sys
from micrograd_es.base import files
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
files.write_file(sys.argv[1], b"half")
"""
    for _ in range(2):
        subprocess.run([sys.executable, "-c", killed, path], check=False)
        assert len(list(tmp_path.iterdir())) == 1
    kept = [tmp_path / ".other.0123456789abcdef.tmp", tmp_path / ".file.tmp"]
    for one in kept:
        one.write_bytes(b"of somebody else")
    write(path)
    assert sorted(tmp_path.iterdir()) == sorted([path, *kept])


@posix
def test_what_is_being_written_is_not_swept_away(tmp_path, monkeypatch):
    path, fsync, others = tmp_path / "file", os.fsync, []

    def and_another_save(descriptor):
        if not others:  # two saves of one file, one in the middle of the other
            others.append(True)
            write_file(path, b"inner")
            assert path.read_bytes() == b"inner"
            assert len(list(tmp_path.iterdir())) == 2
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", and_another_save)
    write_file(path, b"outer")
    assert path.read_bytes() == b"outer"
    assert list(tmp_path.iterdir()) == [path]


@posix
def test_what_was_swept_before_it_was_locked_is_made_again(tmp_path, monkeypatch):
    import fcntl

    path, locks = tmp_path / "file", []

    def late(file, kind):
        locks.append(kind)
        if len(locks) == 1:
            os.unlink(file.name)
        fcntl.flock(file, kind)

    monkeypatch.setattr("micrograd_es.base.files._lock", late)
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert len(locks) == 2


def test_without_locks_only_what_is_old_is_swept(tmp_path, monkeypatch):
    monkeypatch.setattr("micrograd_es.base.files._lock", None)
    young, old = tmp_path / f".file.{'0' * 16}.tmp", tmp_path / f".file.{'1' * 16}.tmp"
    for one in young, old:
        one.write_bytes(b"half")
    os.utime(old, (0, 0))
    write_file(tmp_path / "file", b"new")
    assert sorted(tmp_path.iterdir()) == sorted([young, tmp_path / "file"])


@posix
def test_what_may_not_be_written_is_not_replaced(write, tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anything
    with pytest.raises(PermissionError) as caught:
        write(path)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"old"


@posix
def test_a_link_stays_a_link(write, tmp_path):
    there, link = tmp_path / "there", tmp_path / "link"
    there.mkdir()
    link.symlink_to("there/file")
    for _ in "new", "replaced":
        write(link)
        assert link.is_symlink()
        assert (there / "file").is_file()
        assert not (there / "file").is_symlink()
        assert len(list(there.iterdir())) == 1


@posix
def test_a_link_to_itself_is_an_error(write, tmp_path):
    (tmp_path / "link").symlink_to("link")
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()


@posix
def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_file(pipe, b"through")
    reader.join()
    assert read == [b"through"]
    assert pipe.is_fifo()


def test_a_folder_or_a_place_that_is_not_there(write, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"old")
    for place in "folder", os.path.join("file", "below"):
        with pytest.raises(OSError, match=r"folder|file"):
            write(tmp_path / place)
    with pytest.raises(FileNotFoundError) as caught:
        write_file(tmp_path / "nowhere" / "file", b"new")
    assert caught.value.filename == str(tmp_path / "nowhere" / "file")
    assert str(caught.value).endswith(repr(caught.value.filename))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_names_of_every_kind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["plain", "x" * 250, "ñ" * 120, "😀" * 60, " ", "-o", ".hidden"]
    for name in names:
        write_file(name, name)
        assert (tmp_path / name).read_text("utf-8") == name
    write_file(b"bytes", b"new")
    assert sorted(os.listdir()) == sorted([*names, "bytes"])


def test_of_many_that_write_at_once_one_is_whole(tmp_path):
    path = tmp_path / "file"
    contents = [bytes([65 + k]) * 100_000 for k in range(8)]
    threads = [threading.Thread(target=write_file, args=(path, c)) for c in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]
