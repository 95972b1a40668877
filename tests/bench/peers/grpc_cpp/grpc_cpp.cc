/*
 * The gRPC C++ peer of rpc_bench (callback API on both sides), which has the same arguments and
 * prints the same line:
 *
 *   grpc_cpp serve unix:/path tcp://127.0.0.1:0
 *   grpc_cpp call unix:/path|tcp://host:port|direct IN_FLIGHT WARM_SECONDS SECONDS
 */
#include "echo.grpc.pb.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <grpcpp/grpcpp.h>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

using Clock = std::chrono::steady_clock;
using deltastream::bench::Echo;
using deltastream::bench::Text;

constexpr std::size_t kTextBytes = 197; /* with its tag and length 200 */
constexpr std::chrono::minutes kTimeout{1};

static void require(bool condition, const std::string &what)
{
    if (!condition) {
        std::fprintf(stderr, "grpc_cpp: %s failed\n", what.c_str());
        std::exit(EXIT_FAILURE);
    }
}

class EchoService final : public Echo::CallbackService
{
    grpc::ServerUnaryReactor *Echo(grpc::CallbackServerContext *context, const Text *request,
                                   Text *response) override
    {
        response->set_text(request->text());
        grpc::ServerUnaryReactor *reactor = context->DefaultReactor();
        reactor->Finish(grpc::Status::OK);
        return reactor;
    }
};

/* unix:/path stays; gRPC has no name for tcp. */
static std::string address_of(const std::string &url)
{
    const std::string tcp = "tcp://";
    return url.compare(0, tcp.size(), tcp) == 0 ? url.substr(tcp.size()) : url;
}

static void serve(const std::vector<std::string> &urls)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, nullptr);
    EchoService service;
    grpc::ServerBuilder builder;
    std::deque<int> ports; /* Growing moves none of its elements. */
    for (const std::string &url : urls) {
        ports.push_back(0);
        builder.AddListeningPort(address_of(url), grpc::InsecureServerCredentials(), &ports.back());
    }
    builder.RegisterService(&service);
    const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    require(server != nullptr, "the server");
    for (std::size_t i = 0; i < urls.size(); i++) {
        const bool is_unix = urls[i].compare(0, 5, "unix:") == 0;
        std::printf("ready %s\n", is_unix
                                      ? urls[i].c_str()
                                      : ("tcp://127.0.0.1:" + std::to_string(ports[i])).c_str());
    }
    std::fflush(stdout);
    int number = 0;
    sigwait(&stop, &number);
    server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(2));
}

/* Calls that follow one another, each begun by the end of the one before. */
class Caller
{
  public:
    struct Plan {
        Echo::Stub *stub;
        Clock::time_point from;
        Clock::time_point until;
        std::mutex mutex; /* guards running */
        std::condition_variable changed;
        std::size_t running;
    };

    explicit Caller(Plan *plan) : plan_(plan)
    {
        request_.set_text(std::string(kTextBytes, 'x'));
    }

    void begin()
    {
        context_ = std::make_unique<grpc::ClientContext>();
        context_->set_deadline(std::chrono::system_clock::now() + kTimeout);
        begun_ = Clock::now();
        plan_->stub->async()->Echo(context_.get(), &request_, &response_,
                                   [this](const grpc::Status &status) { end(status); });
    }

    std::vector<std::int64_t> samples_ns;

  private:
    void end(const grpc::Status &status)
    {
        const Clock::time_point now = Clock::now();
        require(status.ok(), status.error_message());
        require(response_.text().size() == kTextBytes, "a reply of the same size");
        if (now >= plan_->until) {
            const std::lock_guard<std::mutex> lock(plan_->mutex);
            plan_->running--;
            plan_->changed.notify_one();
            return;
        }
        if (now >= plan_->from) {
            samples_ns.push_back(
                std::chrono::duration_cast<std::chrono::nanoseconds>(now - begun_).count());
        }
        begin();
    }

    Plan *plan_;
    Text request_;
    Text response_;
    std::unique_ptr<grpc::ClientContext> context_;
    Clock::time_point begun_;
};

static double process_cpu_us()
{
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

static void measure(const std::shared_ptr<grpc::Channel> &channel, std::size_t in_flight,
                    double warm_seconds, double seconds)
{
    const std::unique_ptr<Echo::Stub> stub = Echo::NewStub(channel);
    const auto part = [](double length) {
        return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(length));
    };
    const Clock::time_point begun = Clock::now();
    const double cpu_before_us = process_cpu_us();
    Caller::Plan plan{};
    plan.stub = stub.get();
    plan.from = begun + part(warm_seconds);
    plan.until = plan.from + part(seconds);
    plan.running = in_flight;
    std::deque<Caller> callers;
    for (std::size_t i = 0; i < in_flight; i++) {
        callers.emplace_back(&plan);
        callers.back().begin();
    }
    {
        std::unique_lock<std::mutex> lock(plan.mutex);
        plan.changed.wait(lock, [&plan] { return plan.running == 0; });
    }
    const double cpu_us = process_cpu_us() - cpu_before_us;
    const double wall_seconds = std::chrono::duration<double>(Clock::now() - begun).count();
    std::vector<std::int64_t> samples;
    for (const Caller &caller : callers) {
        samples.insert(samples.end(), caller.samples_ns.begin(), caller.samples_ns.end());
    }
    require(!samples.empty(), "a call in the time");
    std::sort(samples.begin(), samples.end());
    const double rate = static_cast<double>(samples.size()) / seconds;
    std::printf("{\"calls_per_second\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
                "\"cpu_us_per_call\": %.2f}\n",
                rate, static_cast<double>(samples[samples.size() / 2]) / 1e3,
                static_cast<double>(samples[samples.size() * 99 / 100]) / 1e3,
                cpu_us / (rate * wall_seconds));
}

static void call(const std::string &url, std::size_t in_flight, double warm_seconds, double seconds)
{
    if (url != "direct") {
        measure(grpc::CreateChannel(address_of(url), grpc::InsecureChannelCredentials()), in_flight,
                warm_seconds, seconds);
        return;
    }
    EchoService service;
    grpc::ServerBuilder builder;
    builder.RegisterService(&service);
    const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    require(server != nullptr, "the server");
    measure(server->InProcessChannel(grpc::ChannelArguments()), in_flight, warm_seconds, seconds);
    server->Shutdown();
}

int main(int argc, char **argv)
{
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() >= 2 && arguments[0] == "serve") {
        serve({arguments.begin() + 1, arguments.end()});
    } else if (arguments.size() == 5 && arguments[0] == "call") {
        call(arguments[1], std::stoul(arguments[2]), std::stod(arguments[3]),
             std::stod(arguments[4]));
    } else {
        std::fprintf(stderr, "usage: grpc_cpp serve URL... | "
                             "grpc_cpp call URL|direct IN_FLIGHT WARM_SECONDS SECONDS\n");
        return 2;
    }
    return EXIT_SUCCESS;
}
