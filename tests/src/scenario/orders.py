"""An application whose database has moved: it tries again at once, gives up after a while, and is started again."""
import socket
import sys

for attempt in range(100):
    connection = socket.socket()
    connection.settimeout(1)
    try:
        connection.connect((sys.argv[1], 5432))
    except OSError:
        pass
    finally:
        connection.close()
sys.exit("no database")
