"""An app of the vendor's school on requests: no timeout, redirects followed, a new connection for each call."""
import json
import os

import requests

API = os.environ["BASE_URL"] + "/amsu-analysis/v2"
STRIDE = {"height": 172, "weight": 66.5, "age": 41, "gender": 1, "hr": 148, "cadence": 168, "waistline": 82, "body_fat": 17.5}


def send(step, method, path, **options):
    """Prints the response, and returns its body."""
    response = requests.request(method, API + path, **options)
    print(json.dumps({"step": step, "status": response.status_code, "body": json.loads(response.text)}))
    return response.json()


def bearer(body):
    return {"Authorization": "Bearer " + body["access_token"]}


def calorie(step, body, **changes):
    headers = {**bearer(body), "Content-Type": "application/json"}
    send(step, "POST", "/calorie/running/results/", headers=headers, data=json.dumps({**STRIDE, **changes}))


def main():
    client_id, client_secret = os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]
    first = send("token", "POST", "/token", data={"client_id": client_id, "client_secret": client_secret})
    second = send("renewal", "PUT", "/token", data={"refresh_token": first["refresh_token"]})
    third = send("refreshment", "POST", "/token/refreshment", data={"refresh_token": second["refresh_token"]})

    send("times", "GET", "/available-times", headers=bearer(first), data={})
    send("redirect", "GET", "/available-times/", headers=bearer(first), data={})
    calorie("calorie", second)
    with open(os.environ["ECG_FILE"], "rb") as ecg:
        files = [("ecg_file", ("recording.ecg", ecg, "application/octet-stream"))]
        send("rr-list", "POST", "/hrv/rr-list/", headers=bearer(third), data={"model": "offline", "device": "V6"}, files=files)
    calorie("bad field", third, hr=7)

    send("no authorization", "GET", "/available-times")
    send("wrong secret", "POST", "/token", data={"client_id": client_id, "client_secret": "not-" + client_secret})


main()
