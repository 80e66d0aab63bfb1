"""A crawler that asks for everything at once and for no robots.txt."""
import http.client
import time

for page in range(300):
    connection = http.client.HTTPConnection("198.51.100.20", 80, timeout=5)
    connection.request("GET", f"/page-{page}", headers={"User-Agent": "indexer"})
    connection.getresponse().read()
    connection.close()
time.sleep(3)
