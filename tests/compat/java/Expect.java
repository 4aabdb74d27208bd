import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionException;
import software.amazon.awssdk.services.kinesis.model.KinesisException;

/** What the programs beside this one expect. Each throws where it is not so. */
final class Expect {
    private Expect() {}

    static void equal(Object want, Object got) {
        if (!want.equals(got)) throw new AssertionError("wanted '" + want + "', got '" + got + "'");
    }

    static void yes(boolean condition, Object what) {
        if (!condition) throw new AssertionError(String.valueOf(what));
    }

    static void recent(Instant time) {
        yes(Duration.between(time, Instant.now()).abs().getSeconds() < 60, "a time of just now: " + time);
    }

    /** The call fails with this exception, which names the request and says something. */
    static void fails(Class<? extends KinesisException> want, String text, Callable<?> call) {
        Throwable got = null;
        try {
            call.call();
        } catch (Exception e) {
            got = e instanceof CompletionException ? e.getCause() : e;
        }
        if (got == null || got.getClass() != want) throw new AssertionError("wanted " + want + ", got " + got, got);
        KinesisException e = (KinesisException) got;
        yes(e.getMessage().contains(text), e.getMessage());
        equal(want.getSimpleName(), e.awsErrorDetails().errorCode());
        equal(400, e.statusCode());
        yes(e.requestId() != null, "a request id");
    }
}
