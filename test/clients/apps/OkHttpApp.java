import java.io.File;
import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import okhttp3.FormBody;
import okhttp3.MediaType;
import okhttp3.MultipartBody;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/** An Android app of the vendor's school: a client as OkHttp makes it, 10 s each for connect, read and write, redirects on. */
public final class OkHttpApp {
    private static final String API = System.getenv("BASE_URL") + "/amsu-analysis/v2";
    private static final MediaType FORM = MediaType.parse("application/x-www-form-urlencoded");
    private static final MediaType JSON = MediaType.parse("application/json");
    private static final MediaType BYTES = MediaType.parse("application/octet-stream");

    private final OkHttpClient client = new OkHttpClient().newBuilder().build();

    public static void main(String[] args) throws IOException {
        new OkHttpApp().run(System.getenv("CLIENT_ID"), System.getenv("CLIENT_SECRET"), new File(System.getenv("ECG_FILE")));
    }

    private void run(String id, String secret, File ecg) throws IOException {
        // A text as the body, so that OkHttp adds "; charset=utf-8" to the content type; the two renewals use its form instead.
        String first = send("token", to("/token").post(RequestBody.create(FORM, "client_id=" + id + "&client_secret=" + secret)));
        String second = send("renewal", to("/token").put(refreshForm(first)));
        String third = send("refreshment", to("/token/refreshment").post(refreshForm(second)));

        String early = "Bearer " + tokenIn(first, "access_token");
        String middle = "Bearer " + tokenIn(second, "access_token");
        String late = "Bearer " + tokenIn(third, "access_token");
        send("times", to("/available-times").method("GET", null).addHeader("Authorization", early));
        send("redirect", to("/available-times/").method("GET", null).addHeader("Authorization", early));
        send("calorie", calorie(148).addHeader("Authorization", middle));
        RequestBody upload = new MultipartBody.Builder().setType(MultipartBody.FORM)
            .addFormDataPart("ecg_file", "recording.ecg", RequestBody.create(BYTES, ecg))
            .addFormDataPart("model", "offline")
            .addFormDataPart("device", "V6")
            .build();
        send("rr-list", to("/hrv/rr-list/").method("POST", upload).addHeader("Authorization", late));
        send("bad field", calorie(7).addHeader("Authorization", late));

        send("no authorization", to("/available-times").method("GET", null));
        send("wrong secret", to("/token").post(RequestBody.create(FORM, "client_id=" + id + "&client_secret=not-" + secret)));
    }

    private Request.Builder to(String path) {
        return new Request.Builder().url(API + path);
    }

    private Request.Builder calorie(int heartRate) {
        String stride = "{\"height\":172,\"weight\":66.5,\"age\":41,\"gender\":1,\"hr\":" + heartRate
            + ",\"cadence\":168,\"waistline\":82,\"body_fat\":17.5}";
        return to("/calorie/running/results/").method("POST", RequestBody.create(JSON, stride)).addHeader("Content-Type", "application/json");
    }

    private RequestBody refreshForm(String result) {
        return new FormBody.Builder().add("refresh_token", tokenIn(result, "refresh_token")).build();
    }

    /** Prints the response, and returns its body. */
    private String send(String step, Request.Builder request) throws IOException {
        try (Response response = client.newCall(request.build()).execute()) {
            String body = response.body().string();
            System.out.printf("{\"step\":\"%s\",\"status\":%d,\"body\":%s}%n", step, response.code(), body);
            return body;
        }
    }

    private static String tokenIn(String result, String name) {
        Matcher matcher = Pattern.compile("\"" + name + "\"\\s*:\\s*\"([^\"]+)\"").matcher(result);
        if (!matcher.find()) throw new IllegalStateException("there is no " + name + " in " + result);
        return matcher.group(1);
    }
}
