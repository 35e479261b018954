"""The notes' NIO server (8.2.2). `mended`: with the one line that it lacks."""

import socket
import sys

if __name__ == "__main__":
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(5)
    server.setblocking(False)
    print(server.getsockname()[1], flush=True)
    r_list: list[socket.socket] = []
    del_list: list[socket.socket] = []
    while True:
        try:
            conn, addr = server.accept()
            if "mended" in sys.argv:
                conn.setblocking(False)
            r_list.append(conn)
        except BlockingIOError:
            for conn in r_list:
                try:
                    data = conn.recv(1024)
                    if len(data) == 0:
                        conn.close()
                        del_list.append(conn)
                        continue
                    conn.send(data.upper())
                except BlockingIOError:
                    continue
                except ConnectionResetError:
                    conn.close()
                    del_list.append(conn)
            for conn in del_list:
                r_list.remove(conn)
            del_list.clear()
