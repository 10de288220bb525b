// A node as operators run it: processes of their own, a core.yaml, and the commands that talk to them.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "app/command_line.h"
#include "app/commands.h"
#include "app/testnet_command.h"
#include "support/listener.h"

namespace grapevine::app {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Far more than anything here takes; only a test that fails waits so long.
constexpr auto kDeadline = std::chrono::seconds(90);
constexpr std::uint64_t kBlocks = 20;

const ProgramInfo kProgram{.version = "1.2.3", .commit = "abcdef0", .demo_network = ""};

// A command in a process of its own. Its errors and log lines go to a file.
class Process {
 public:
  Process(std::vector<std::string> arguments, const fs::path& log) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    process_ = fork();
    if (process_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      dup2(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
      close(ends[0]);
      close(ends[1]);
      const int status = RunCommandLine(kProgram, std::move(arguments), std::cout, std::cerr);
      std::cout.flush();
      _exit(status);
    }
    close(ends[1]);
    out_ = ends[0];
  }
  ~Process() {
    if (process_ > 0) Stop(SIGKILL);
    close(out_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // The first line that it prints; empty if it ends without one.
  std::string FirstLine() const {
    std::string line;
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    for (char next = 0; std::chrono::steady_clock::now() < deadline;) {
      pollfd ready{.fd = out_, .events = POLLIN, .revents = 0};
      if (poll(&ready, 1, 1000) <= 0) continue;
      if (read(out_, &next, 1) != 1 || next == '\n') break;
      line += next;
    }
    return line;
  }
  void Signal(int signal) const { kill(process_, signal); }
  // Its exit status, or minus the signal that ended it.
  int Stop(int signal) {
    Signal(signal);
    return Wait();
  }
  int Wait() {
    int status = 0;
    waitpid(process_, &status, 0);
    process_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t process_ = -1;
  int out_ = -1;
};

Outcome RunCommand(std::vector<std::string> arguments) {
  std::ostringstream out;
  std::ostringstream err;
  const int status = RunCommandLine(kProgram, std::move(arguments), out, err);
  return {.status = status, .out = out.str(), .err = err.str()};
}

class NodeCommandTest : public ::testing::Test {
 protected:
  NodeCommandTest() {
    std::string name = (fs::temp_directory_path() / "node-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    TestnetOptions options;
    options.folder = Net().string();
    options.peers = 1;
    options.blocks = kBlocks;
    options.config_every = 7;
    std::ostringstream out;
    EXPECT_EQ(RunTestnet(options, out, out), 0) << out.str();
  }
  ~NodeCommandTest() override { fs::remove_all(folder_); }

  fs::path Net() const { return folder_ / "net"; }
  std::string Genesis() const { return (Net() / "mychannel.block").string(); }
  std::string Log(const std::string& name) const { return (folder_ / (name + ".log")).string(); }
  fs::path TlsAuthority(const std::string& kind, const std::string& domain) const {
    return Net() / "crypto" / kind / domain / "tlsca" / ("tlsca." + domain + "-cert.pem");
  }

  // Of peer0 of an organisation, as an operator has it; returns its path. `deliver`: the lines below
  // peer.deliveryclient.
  std::string WriteConfig(int organization, const std::string& deliver = "") {
    const std::string domain = "org" + std::to_string(organization) + ".example.com";
    const std::string peer = "peer0." + domain;
    const fs::path files = Net() / "crypto/peerOrganizations" / domain / "peers" / peer;
    const std::string address = "127.0.0.1:" + std::to_string(test::FreePort());
    const fs::path folder = folder_ / peer;
    fs::create_directories(folder);
    std::ofstream(folder / "core.yaml") << "peer:\n  id: " << peer << "\n  listenAddress: " << address
                                        << "\n  address: " << address << "\n  localMspId: Org" << organization
                                        << "MSP\n  mspConfigPath: " << (files / "msp").string()
                                        << "\n  fileSystemPath: data\n  gossip:\n    endpoint: " << address
                                        << "\n    externalEndpoint: " << address << "\n    bootstrap: " << address
                                        << "\n    orgLeader: true\n    useLeaderElection: false\n"
                                        << "  tls:\n    enabled: true\n    clientAuthRequired: true\n    cert: {file: "
                                        << (files / "tls/server.crt").string()
                                        << "}\n    key: {file: " << (files / "tls/server.key").string()
                                        << "}\n    rootcert: {file: " << (files / "tls/ca.crt").string()
                                        << "}\n    clientRootCAs: {files: [" << (files / "tls/ca.crt").string()
                                        << "]}\n  deliveryclient:\n    blockGossipEnabled: true\n"
                                        << deliver;
    return (folder / "core.yaml").string();
  }
  std::unique_ptr<Process> StartNode(const std::string& config) {
    auto node = std::make_unique<Process>(std::vector<std::string>{"node", "start", "--config", config}, Log("node"));
    const std::string line = node->FirstLine();
    EXPECT_THAT(line, StartsWith("grapevine 1.2.3: ")) << ContentOf(Log("node"));
    return node;
  }
  static std::uint64_t HeightOf(const std::string& config) {
    const auto info = RunCommand({"channel", "getinfo", "-c", "mychannel", "--json", "--config", config});
    EXPECT_EQ(info.status, 0) << info.err;
    return info.status == 0 ? json::parse(info.out)["height"].get<std::uint64_t>() : 0;
  }
  static bool Reaches(const std::string& config, std::uint64_t height) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (HeightOf(config) < height) {
      if (std::chrono::steady_clock::now() >= deadline) return false;
    }
    return true;
  }

  fs::path folder_;
};

TEST_F(NodeCommandTest, RunsFromItsStartToATermination) {
  const std::string config = WriteConfig(1);
  Process node({"node", "start", "--config", config}, Log("node"));
  const std::string line = node.FirstLine();
  EXPECT_THAT(line, StartsWith("grapevine 1.2.3: peer0.org1.example.com of Org1MSP at 127.0.0.1:"));
  EXPECT_THAT(line, HasSubstr("no channels yet: grapevine channel join -b BLOCK"));

  const fs::path socket = folder_ / "peer0.org1.example.com/data/grapevine/admin.sock";
  EXPECT_EQ(fs::status(socket).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  const auto status = RunCommand({"node", "status", "--json", "--socket", socket.string()});
  ASSERT_EQ(status.status, 0) << status.err;
  const json parsed = json::parse(status.out);
  EXPECT_EQ(parsed["mspId"], "Org1MSP");
  EXPECT_EQ(parsed["version"], "1.2.3");
  EXPECT_EQ(parsed["certificateExpires"], "2044-12-27T00:00:00Z");
  EXPECT_TRUE(parsed["channels"].empty());

  EXPECT_EQ(node.Stop(SIGTERM), 0) << ContentOf(Log("node"));
  EXPECT_FALSE(fs::exists(socket));
}

TEST_F(NodeCommandTest, ClientsOfTheOperationsEndpointSurviveAReloadWithTheSameFiles) {
  const std::uint16_t port = test::FreePort();
  const std::string config = WriteConfig(1, "operations:\n  listenAddress: 127.0.0.1:" + std::to_string(port) + "\n");
  const auto node = StartNode(config);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);

  node->Signal(SIGHUP);
  // Answered by the same loop, so after the signal.
  for (int i = 0; i < 2; ++i) EXPECT_EQ(RunCommand({"node", "status", "--config", config}).status, 0);

  const std::string request = "GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n";
  EXPECT_EQ(send(client, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  std::string answer(200, '\0');
  const ssize_t received = recv(client, answer.data(), answer.size(), 0);
  EXPECT_THAT(answer.substr(0, static_cast<std::size_t>(std::max<ssize_t>(received, 0))), HasSubstr("200 OK"));
  close(client);
}

TEST_F(NodeCommandTest, JoinsShowsFetchesAndLeavesAChannel) {
  const std::string config = WriteConfig(1);
  const auto node = StartNode(config);
  const auto joined = RunCommand({"channel", "join", "-b", Genesis(), "--config", config});
  EXPECT_EQ(joined.status, 0) << joined.err;
  EXPECT_EQ(joined.out, "joined channel mychannel: height 1\n");
  EXPECT_EQ(RunCommand({"channel", "list", "--config", config}).out, "Channels peers has joined:\nmychannel\n");
  EXPECT_THAT(RunCommand({"channel", "getinfo", "-c", "mychannel", "--config", config}).out,
              StartsWith("Blockchain info: {\"height\":1,\"currentBlockHash\":\""));
  EXPECT_THAT(RunCommand({"peers", "-c", "mychannel", "--config", config}).out, HasSubstr("this node  1"));

  const std::string file = (folder_ / "fetched.block").string();
  for (const char* position : {"oldest", "newest", "config", "0"}) {
    fs::remove(file);
    EXPECT_EQ(RunCommand({"channel", "fetch", position, file, "-c", "mychannel", "--config", config}).status, 0);
    // As stored: with a code for the transaction that nobody has validated.
    EXPECT_EQ(ContentOf(file).size(), ContentOf(Genesis()).size() + 1) << position;
  }
  const auto missing = RunCommand({"channel", "fetch", "7", file, "-c", "mychannel", "--config", config});
  EXPECT_EQ(missing.status, 1);
  EXPECT_EQ(missing.err, "Error: block 7 is not here: the ledger has blocks 0 to 0\n");
  EXPECT_EQ(RunCommand({"channel", "getinfo", "-c", "other", "--config", config}).err,
            "Error: the node is not in channel 'other'; it is in mychannel\n");
  EXPECT_EQ(RunCommand({"channel", "join", "-b", Genesis(), "--config", config}).err,
            "Error: the peer is in channel 'mychannel' already\n");

  EXPECT_EQ(RunCommand({"channel", "leave", "-c", "mychannel", "--config", config}).status, 0);
  EXPECT_EQ(RunCommand({"channel", "list", "--json", "--config", config}).out, "{\n  \"channels\": []\n}\n");
}

TEST_F(NodeCommandTest, SaysThatNoNodeIsRunning) {
  const auto list = RunCommand({"channel", "list", "--config", WriteConfig(1)});
  EXPECT_EQ(list.status, 1);
  EXPECT_THAT(list.err, StartsWith("Error: no node is running: "));
  EXPECT_THAT(list.err, HasSubstr("grapevine node start --config core.yaml"));
}

TEST_F(NodeCommandTest, FindsTheNodeByTheVariablesOfFabric) {
  const std::string config = WriteConfig(1);
  const auto node = StartNode(config);
  setenv("FABRIC_CFG_PATH", fs::path(config).parent_path().c_str(), 1);
  const auto by_file = RunCommand({"node", "status"});
  setenv("FABRIC_CFG_PATH", (folder_ / "nowhere").c_str(), 1);
  setenv("CORE_PEER_FILESYSTEMPATH", (fs::path(config).parent_path() / "data").c_str(), 1);
  const auto by_folder = RunCommand({"node", "status"});
  unsetenv("FABRIC_CFG_PATH");
  unsetenv("CORE_PEER_FILESYSTEMPATH");
  EXPECT_THAT(by_file.out, HasSubstr("peer0.org1.example.com of Org1MSP")) << by_file.err;
  EXPECT_THAT(by_folder.out, HasSubstr("peer0.org1.example.com of Org1MSP")) << by_folder.err;
}

TEST_F(NodeCommandTest, RefusesASecondNodeOnTheSameData) {
  const std::string config = WriteConfig(1);
  const auto node = StartNode(config);
  Process second({"node", "start", "--config", config}, Log("second"));
  EXPECT_EQ(second.FirstLine(), "");
  EXPECT_EQ(second.Wait(), 1);
  EXPECT_THAT(ContentOf(Log("second")), HasSubstr("is in use by another process"));
}

TEST_F(NodeCommandTest, RefusesToStartWithoutConfiguration) {
  const auto start = RunCommand({"node", "start", "--config", (folder_ / "core.yaml").string()});
  EXPECT_EQ(start.status, 1);
  EXPECT_THAT(start.err, HasSubstr("core.yaml"));
}

TEST_F(NodeCommandTest, SaysWhenItIsReadyOnADescriptor) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  Process node({"node", "start", "--config", WriteConfig(1), "--ready-fd", std::to_string(ends[1])}, Log("node"));
  close(ends[1]);
  char text[16] = {};
  EXPECT_EQ(read(ends[0], text, sizeof(text)), 6) << ContentOf(Log("node"));
  EXPECT_STREQ(text, "ready\n");
  close(ends[0]);
  EXPECT_EQ(node.Stop(SIGINT), 0);
}

// The whole way: an ordering service, a static leader in each organisation, and a node that is killed.
TEST_F(NodeCommandTest, FollowsTheOrderingServiceAlsoAfterAKill) {
  const fs::path orderer_files = Net() / "crypto/ordererOrganizations/example.com/orderers/orderer.example.com/tls";
  Process orderer({"replay-orderer", "--blocks", (Net() / "chain").string(), "--listen", "127.0.0.1:0", "--tls-cert",
                   (orderer_files / "server.crt").string(), "--tls-key", (orderer_files / "server.key").string(),
                   "--tls-client-ca", TlsAuthority("peerOrganizations", "org1.example.com").string(), "--tls-client-ca",
                   TlsAuthority("peerOrganizations", "org2.example.com").string()},
                  Log("orderer"));
  std::string line = orderer.FirstLine();
  ASSERT_THAT(line, StartsWith("serving channel mychannel on ")) << ContentOf(Log("orderer"));
  line = line.substr(line.find("127.0.0.1"));
  const std::string deliver =
      "    addressOverrides:\n      - from: 127.0.0.1:17050\n        to: " + line.substr(0, line.find(',')) +
      "\n        caCertsFile: " + TlsAuthority("ordererOrganizations", "example.com").string() + "\n";
  const std::string first = WriteConfig(1, deliver);
  const std::string second = WriteConfig(2, deliver);
  auto node = StartNode(first);
  const auto other = StartNode(second);
  const std::uint64_t height = 1 + kBlocks + kBlocks / 7;
  for (const auto& config : {first, second}) {
    ASSERT_EQ(RunCommand({"channel", "join", "-b", Genesis(), "--config", config}).status, 0);
    EXPECT_TRUE(Reaches(config, height)) << ContentOf(Log("node"));
  }
  const auto info = RunCommand({"channel", "getinfo", "-c", "mychannel", "--config", first});
  EXPECT_EQ(info.out, RunCommand({"channel", "getinfo", "-c", "mychannel", "--config", second}).out);

  EXPECT_EQ(node->Stop(SIGKILL), -SIGKILL);
  node = StartNode(first);
  EXPECT_EQ(RunCommand({"channel", "getinfo", "-c", "mychannel", "--config", first}).out, info.out);
  EXPECT_THAT(RunCommand({"node", "status", "--config", first}).out, HasSubstr("leads its organisation"));
}

TEST(VersionCommandTest, ShowsTheVersion) {
  EXPECT_EQ(RunCommand({"version"}).out, "grapevine 1.2.3 (commit abcdef0)\n");
  EXPECT_EQ(RunCommand({"version", "--json"}).out, "{\n  \"commit\": \"abcdef0\",\n  \"version\": \"1.2.3\"\n}\n");
}

TEST(CommandLineTest, ShowsExamplesInTheHelpOfEveryCommand) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"node", "start"}, {"node", "check"}, {"node", "status"}, {"channel"}, {"peers"}}) {
    auto arguments = command;
    arguments.emplace_back("--help");
    const auto help = RunCommand(arguments);
    EXPECT_EQ(help.status, 0);
    EXPECT_THAT(help.out, HasSubstr("Example")) << command.front();
  }
  EXPECT_EQ(RunCommand({"channel", "explode"}).status, 1);
}

}  // namespace
}  // namespace grapevine::app
