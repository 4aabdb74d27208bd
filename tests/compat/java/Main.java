/** Tries the API with both clients of the AWS SDK for Java. */
final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Exception {
        new Sync().run();
        new Async().run();
        System.exit(0); // without waiting for Netty's threads
    }
}
