"""Of `fast`: what is used of C, of the kernel and of Python's own C interface."""

cimport cython
from cpython cimport array
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, timespec

cdef extern from "<sys/types.h>" nogil:
    ctypedef long ssize_t

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        int fd
    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data

    int epoll_wait(int, epoll_event *, int, int)

cdef extern from "<sys/timerfd.h>" nogil:
    cdef struct itimerspec:
        timespec it_interval
        timespec it_value
    int timerfd_settime(int, int, const itimerspec *, itimerspec *)
    int TFD_TIMER_ABSTIME

cdef extern from "<sys/uio.h>" nogil:
    cdef struct iovec:
        void *iov_base
        size_t iov_len

cdef extern from "<sys/socket.h>" nogil:
    cdef struct msghdr:
        void *msg_name
        uint32_t msg_namelen
        iovec *msg_iov
        size_t msg_iovlen
        void *msg_control
        size_t msg_controllen
        int msg_flags
    cdef struct cmsghdr:
        size_t cmsg_len
        int cmsg_level
        int cmsg_type
    cmsghdr *CMSG_FIRSTHDR(msghdr *)
    unsigned char *CMSG_DATA(cmsghdr *)
    ssize_t recv(int, void *, size_t, int)
    ssize_t recvmsg(int, msghdr *, int)
    ssize_t send(int, const void *, size_t, int)
    int SOL_SOCKET, MSG_DONTWAIT, MSG_NOSIGNAL, SO_TIMESTAMPNS

cdef enum:
    BATCH = 512  # events per wait
    MOST_READ = 262144  # bytes, as in `dial`
    FEW = 4096  # units that are counted in an array; more of them, and the array costs more

cdef int64_t NEVER = (<int64_t>1 << 62) - 1  # as in `timer`
cdef int64_t SECOND = 1_000_000_000
cdef int64_t GRAIN = 30_000  # ns, the shortest sleep: a virtual machine takes 3 us to set a timer
cdef char room[MOST_READ]  # what has been received last; a loop serves one connection at a time


cdef inline int64_t clock_ns() noexcept nogil:
    cdef timespec at
    clock_gettime(CLOCK_MONOTONIC, &at)
    return <int64_t>at.tv_sec * SECOND + at.tv_nsec


cdef inline int note(array.array into, int64_t value) except -1:
    return array.extend_buffer(into, <char *>&value, 1)
