"""The notes' BIO server (8.2.1). Not a model of the lab: that is servers/blocking.py."""

import socket

if __name__ == "__main__":
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(5)
    print(server.getsockname()[1], flush=True)

    while True:
        conn, addr = server.accept()
        while True:
            try:
                data = conn.recv(1024)
                if len(data) == 0:
                    break
                conn.send(data.upper())
            except ConnectionResetError:
                break
        conn.close()
