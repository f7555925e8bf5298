"""The exercise's own client, as it was handed out; only its socket is wrapped in TLS (the line marked so, and the import).

Which authority to trust is OpenSSL's own setting (SSL_CERT_FILE), so nothing else in here knows about certificates. It is kept as
it was on purpose: `recv(1024)` is taken for a message, `send` for another, and two threads share the socket.
"""

# mypy: ignore-errors

import socket
import ssl
import threading


def receive_messages(client_socket):
    while True:
        try:
            message = client_socket.recv(1024).decode()
            if not message:
                print("Disconnected from server")
                break
            print(message)
        except OSError:
            break


def start_client():
    server_address = input("Enter server address: ")
    name = input("Enter your name: ")

    client_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client_socket = ssl.create_default_context().wrap_socket(client_socket, server_hostname=server_address)  # TLS
    client_socket.connect((server_address, 12345))
    client_socket.send(name.encode())

    receive_thread = threading.Thread(target=receive_messages, args=(client_socket,), daemon=True)
    receive_thread.start()

    while True:
        message = input()
        if message.lower() == "exit":
            break
        client_socket.send(message.encode())

    client_socket.close()


if __name__ == "__main__":
    start_client()
