import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.ProtocolException;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Arrays;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okio.BufferedSink;

/** Java's clients as they come. Each line of stdin is one POST (see clients.ts), and gets one line back. */
public final class JavaClients {
    private static final String JSON = "application/json";

    /** What became of a POST; `error` and `code` are "-" where there is none. */
    private static final class Outcome {
        int status;
        String code = "-";
        long bytes;
    }

    private interface Client {
        void post(String url, byte[] body, String mode, String way, String id, Outcome outcome) throws Exception;
    }

    public static void main(String[] args) throws IOException {
        Client client = clientOf(args[0]);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] call = line.split("\t");
            byte[] body = new byte[Integer.parseInt(call[2])];
            Arrays.fill(body, (byte) 'a');
            Outcome outcome = new Outcome();
            String error = "-";
            try {
                client.post(call[1], body, call[3], call[4], call[0], outcome);
            } catch (Exception thrown) {
                error = (thrown.getClass().getSimpleName() + ": " + thrown.getMessage()).replaceAll("\\s", " ");
            }
            System.out.println(call[0] + "\t" + outcome.status + "\t" + outcome.code + "\t" + outcome.bytes + "\t" + error);
            System.out.flush();
        }
    }

    private static Client clientOf(String name) {
        switch (name) {
            case "okhttp": return okHttp(new OkHttpClient().newBuilder().build());
            case "urlconnection": return JavaClients::urlConnection;
            case "httpclient": return httpClient(HttpClient.newHttpClient());
            case "httpclient-1.1": return httpClient(HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build());
            default: throw new IllegalArgumentException(name);
        }
    }

    private static Client okHttp(OkHttpClient client) {
        return (url, body, mode, way, id, outcome) -> {
            RequestBody content = mode.equals("chunked") ? chunked(body) : RequestBody.create(MediaType.parse(JSON), body);
            Request.Builder request = new Request.Builder().url(url).post(content).header("X-Way", way).header("X-Id", id);
            if (mode.equals("expect")) request.header("Expect", "100-continue");
            try (Response response = client.newCall(request.build()).execute()) {
                outcome.status = response.code();
                outcome.code = response.header("X-Amsu-Proxy-Error", "-");
                count(response.body().byteStream(), outcome);
            }
        };
    }

    /** A body of unknown length, which OkHttp sends in chunks. */
    private static RequestBody chunked(byte[] body) {
        return new RequestBody() {
            @Override public MediaType contentType() { return MediaType.parse(JSON); }
            @Override public void writeTo(BufferedSink sink) throws IOException { sink.write(body); }
        };
    }

    private static void urlConnection(String url, byte[] body, String mode, String way, String id, Outcome outcome) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) new URL(url).openConnection();
        connection.setRequestMethod("POST");
        connection.setDoOutput(true);
        connection.setRequestProperty("Content-Type", JSON);
        connection.setRequestProperty("X-Way", way);
        connection.setRequestProperty("X-Id", id);
        if (mode.equals("chunked")) connection.setChunkedStreamingMode(0);
        if (mode.equals("expect")) {
            connection.setFixedLengthStreamingMode(body.length);
            connection.setRequestProperty("Expect", "100-continue");
            connection.setReadTimeout(15_000);
        }
        try (OutputStream out = connection.getOutputStream()) {
            out.write(body);
        } catch (ProtocolException refused) {
            // A final response came in place of 100 Continue. Only its status is kept; asking for more would send the head again.
            outcome.status = connection.getResponseCode();
            outcome.code = "?";
            return;
        }
        outcome.status = connection.getResponseCode();
        String code = connection.getHeaderField("X-Amsu-Proxy-Error");
        if (code != null) outcome.code = code;
        InputStream in = outcome.status < 400 ? connection.getInputStream() : connection.getErrorStream();
        if (in != null) count(in, outcome);
    }

    private static Client httpClient(HttpClient client) {
        return (url, body, mode, way, id, outcome) -> {
            HttpRequest.BodyPublisher content = mode.equals("chunked")
                ? HttpRequest.BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body))
                : HttpRequest.BodyPublishers.ofByteArray(body);
            HttpRequest request = HttpRequest.newBuilder(URI.create(url)).POST(content).expectContinue(mode.equals("expect"))
                .header("Content-Type", JSON).header("X-Way", way).header("X-Id", id).build();
            HttpResponse<InputStream> response = client.send(request, HttpResponse.BodyHandlers.ofInputStream());
            outcome.status = response.statusCode();
            outcome.code = response.headers().firstValue("X-Amsu-Proxy-Error").orElse("-");
            count(response.body(), outcome);
        };
    }

    private static void count(InputStream in, Outcome outcome) throws IOException {
        byte[] piece = new byte[8192];
        for (int got = in.read(piece); got >= 0; got = in.read(piece)) outcome.bytes += got;
        in.close();
    }
}
