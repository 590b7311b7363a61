import java.util.Objects;
import java.util.concurrent.ExecutionException;

/** One line for each thing that was tried; what failed, with its reason. */
final class Check {
    interface Body {
        void run() throws Exception;
    }

    static int failed;

    private Check() {
    }

    static void run(String what, Body body) {
        try {
            body.run();
            System.out.println("ok    " + what);
        } catch (Throwable e) {
            failed++;
            System.out.println("FAIL  " + what + ": " + cause(e));
            e.printStackTrace();
        }
    }

    static void that(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }

    static void same(Object expected, Object actual, String what) {
        that(Objects.deepEquals(expected, actual),
            what + ": " + actual + ", not " + expected);
    }

    static void fails(Class<? extends Throwable> expected, Body body)
        throws Exception {
        try {
            body.run();
        } catch (Exception e) {
            Throwable cause = cause(e);
            if (expected.isInstance(cause)) {
                return;
            }
            throw new AssertionError("not " + expected.getSimpleName() + ": "
                + cause, cause);
        }
        throw new AssertionError("no " + expected.getSimpleName());
    }

    static Throwable cause(Throwable e) {
        while (e instanceof ExecutionException && e.getCause() != null) {
            e = e.getCause();
        }
        return e;
    }
}
