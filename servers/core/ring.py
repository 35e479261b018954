"""io_uring(7) by way of ctypes: two queues in memory that the kernel shares, and one system call.

Say what is to be done: accept, receive, send. wait() hands all that to the kernel and comes back
with what has been done, in one io_uring_enter(2). Nothing here knows what a server is.

Rules
* A buffer is the kernel's until its operation is done: the ring holds on to it as long.
* Sockets are blocking: on others an operation ends with EAGAIN instead of waiting.
* One thread makes the ring and uses it. Then, with IORING_SETUP_DEFER_TASKRUN (Linux 6.1), the
  kernel touches both queues only while that thread is in io_uring_enter(). So nobody else writes
  while we read, and Python's plain loads and stores need no memory barrier, on any machine.
"""

import ctypes
import errno
import mmap
import os
import socket
import struct
from itertools import count
from typing import Generic, TypeVar

from servers.core.contract import RECEIVE_SIZE

Token = TypeVar("Token")

SUBMISSIONS = 1024  # entries; a full queue is handed over early
SMALL = 4096  # bytes; longer ones are better sent by send() than held by answer()
COMPLETIONS = 16_384  # entries, 256 KiB; the kernel keeps what does not fit, IORING_FEAT_NODROP

# asm-generic/unistd.h, linux/io_uring.h
SETUP, ENTER = 425, 426
SETUP_CQSIZE, SETUP_SINGLE_ISSUER, SETUP_DEFER_TASKRUN = 1 << 3, 1 << 12, 1 << 13
ENTER_GETEVENTS = 1
OFF_QUEUES, OFF_ENTRIES = 0, 0x10000000  # what to map
ACCEPT, SEND, RECEIVE = 13, 26, 27  # IORING_OP_…
LINK, SILENT = 1 << 2, 1 << 6  # IOSQE_IO_LINK, IOSQE_CQE_SKIP_SUCCESS
ENTRY = struct.Struct("=BBHiQQIIQ")  # struct io_uring_sqe: opcode, flags, …; the rest stays zero
ENTRY_SIZE, COMPLETION_SIZE = 64, 16  # bytes; a completion: u64 user_data, s32 result, u32 flags
TRY_AGAIN = (errno.EINTR, errno.EAGAIN, errno.EBUSY)  # a signal; no memory; take what is done
WORD = 0xFFFF_FFFF  # heads and tails are 32 bits and wrap

SYSCALL = ctypes.CDLL(None, use_errno=True).syscall
SYSCALL.argtypes = (ctypes.c_long,) * 7
SYSCALL.restype = ctypes.c_long


class Buffer:
    """Room for one receive. A page of it costs memory once bytes have come into it, not before."""

    __slots__ = ("address", "memory", "pin")

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, RECEIVE_SIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.pin = ctypes.c_char.from_buffer(self.memory)
        self.address = ctypes.addressof(self.pin)


class Ring(Generic[Token]):
    """Operations in, (token, result) out; a negative result is an error number, see checked()."""

    def __init__(self) -> None:
        flags = SETUP_CQSIZE | SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN
        parameters = ctypes.create_string_buffer(struct.pack("=3I", 0, COMPLETIONS, flags), 120)
        self.descriptor = checked(
            _call(SETUP, SUBMISSIONS, ctypes.addressof(parameters), 0, 0, 0, 0)
        )
        numbers = struct.unpack("=30I", parameters)  # struct io_uring_params
        _, offered_tail, *_, offered_list = numbers[10:17]  # struct io_sqring_offsets
        done_head, done_tail, *_, done_list = numbers[20:26]  # struct io_cqring_offsets
        size = max(offered_list + 4 * SUBMISSIONS, done_list + COMPLETION_SIZE * COMPLETIONS)
        queues = memoryview(
            mmap.mmap(self.descriptor, size, offset=OFF_QUEUES)
        )  # both, since Linux 5.4
        self._entries = mmap.mmap(self.descriptor, ENTRY_SIZE * SUBMISSIONS, offset=OFF_ENTRIES)
        self._words, self._results, self._users = (
            queues.cast("I"),
            queues.cast("i"),
            queues.cast("Q"),
        )
        self._offered_tail = offered_tail // 4
        self._done_head, self._done_tail = done_head // 4, done_tail // 4
        self._done_list = done_list
        for place in range(SUBMISSIONS):  # entries may be offered in any order; ours, as they lie
            self._words[offered_list // 4 + place] = place
        self._tail = self._handed = 0  # entries offered, entries that the kernel has taken
        self._keys = count()
        self._busy: dict[int, tuple[Token, object]] = {}  # by key: what the kernel works on
        self._reaped: list[tuple[Token, int]] = []
        self._pointer = ctypes.c_char_p()
        self._pointer_value = ctypes.c_size_t.from_buffer(self._pointer)

    def accept(self, descriptor: int, token: Token) -> None:
        """Result: the descriptor of the next client."""
        self._offer(ACCEPT, 0, descriptor, 0, 0, socket.SOCK_CLOEXEC, self._key(token, None))

    def receive(self, descriptor: int, buffer: Buffer, token: Token) -> None:
        """Result: how many bytes are in buffer.memory; 0: end of file."""
        key = self._key(token, buffer)
        self._offer(RECEIVE, 0, descriptor, buffer.address, RECEIVE_SIZE, 0, key)

    def send(self, descriptor: int, data: bytes, token: Token) -> None:
        """Result, once all has been sent: how many bytes."""
        key = self._key(token, data)
        self._offer(SEND, 0, descriptor, self._address(data), len(data), socket.MSG_WAITALL, key)

    def answer(self, descriptor: int, data: bytes, buffer: Buffer, token: Token) -> None:
        """Send all of data, then receive: two linked operations, one result, that of receive().

        Or of the send, if it has failed: what is linked to it is dropped then, and as silently.
        As the kernel does not tell when data is sent, the ring holds it until that result.
        """
        key = self._key(token, (data, buffer))
        flags, all_of_it = LINK | SILENT, socket.MSG_WAITALL
        address = self._address(data)
        self._offer(SEND, flags, descriptor, address, len(data), all_of_it, key)
        self._offer(RECEIVE, 0, descriptor, buffer.address, RECEIVE_SIZE, 0, key)

    def wait(self) -> list[tuple[Token, int]]:
        """Hand over what is queued, wait until something is done; empty after a signal (EINTR)."""
        self._enter(0 if self._reaped else 1)
        done, self._reaped = self._reaped, []
        return done

    def _key(self, token: Token, pinned: object) -> int:
        """Note what the kernel is about to work on, and make room for two entries: a link's."""
        while self._tail - self._handed > SUBMISSIONS - 2:
            self._enter(0)
        key = next(self._keys)
        self._busy[key] = token, pinned
        return key

    def _address(self, data: bytes) -> int:
        self._pointer.value = data  # no copy: it points into the object
        return self._pointer_value.value

    def _offer(
        self, code: int, flags: int, descriptor: int, at: int, size: int, how: int, key: int
    ) -> None:
        place = self._tail % SUBMISSIONS * ENTRY_SIZE
        ENTRY.pack_into(self._entries, place, code, flags, 0, descriptor, 0, at, size, how, key)
        self._tail += 1

    def _enter(self, wanted: int) -> None:
        """Hand over all entries, wait for as many completions as wanted, take all there are."""
        words = self._words
        words[self._offered_tail] = self._tail & WORD
        waiting = self._tail - self._handed
        result = _call(ENTER, self.descriptor, waiting, wanted, ENTER_GETEVENTS, 0, 0)
        if -result not in TRY_AGAIN:
            self._handed += checked(result)
        head, tail = words[self._done_head], words[self._done_tail]
        while head != tail:
            at = self._done_list + head % COMPLETIONS * COMPLETION_SIZE
            token, _ = self._busy.pop(self._users[at // 8])
            self._reaped.append((token, self._results[at // 4 + 2]))
            head = head + 1 & WORD
        words[self._done_head] = head


def checked(result: int) -> int:
    """The result, or the OSError that the blocking call would have raised."""
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result


def _call(number: int, *arguments: int) -> int:
    """A system call without a wrapper in libc. Returns -errno, as the kernel does."""
    result: int = SYSCALL(number, *arguments)
    return -ctypes.get_errno() if result < 0 else result
