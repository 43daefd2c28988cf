// SPDX-License-Identifier: GPL-3.0-or-later
// A file appears whole or not at all: unwritable places, a full disk, a writer that gives up.
#include "core/io/atomic_file.h"
#include "core/io/npy.h"
#include "support/files.h"
#include "support/register_test.h"

#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// While it lives, files can't grow beyond `bytes`: the kernel answers as on a full disk.
class SmallDisk {
public:
    explicit SmallDisk(rlim_t bytes)
    {
        m_handler = std::signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &m_before);
        const rlimit limit{bytes, m_before.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~SmallDisk()
    {
        setrlimit(RLIMIT_FSIZE, &m_before);
        std::signal(SIGXFSZ, m_handler);
    }

private:
    void (*m_handler)(int);
    rlimit m_before{};
};

} // namespace

class TestAtomicFile : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void writesAndReplaces()
    {
        const TempFolder folder;
        const std::string large(300000, 'x');
        QVERIFY(writeAtomically(folder.file("a.txt"), "first").ok());
        QVERIFY(writeAtomically(folder.file("a.txt"), large).ok());
        QVERIFY(readAll(folder.file("a.txt")) == large);
        QCOMPARE(folder.names(), QStringList{"a.txt"});
    }

    void withoutCommitNothingChanges()
    {
        const TempFolder folder;
        folder.write("a.txt", "before");
        {
            auto file = AtomicFile::create(folder.file("a.txt"));
            QVERIFY(file.ok());
            QVERIFY(file->write("after").ok());
            QCOMPARE(folder.names().size(), 2);
        }
        QCOMPARE(readAll(folder.file("a.txt")), std::string("before"));
        QCOMPARE(folder.names(), QStringList{"a.txt"});
    }

    void fullDiskLeavesWhatWasThere()
    {
        const TempFolder folder;
        folder.write("a.npy", "before");
        const std::vector<float> values(100000, 1.0F);
        {
            const SmallDisk disk(4096);
            QVERIFY(refused(writeNpy(folder.file("a.npy"), std::vector<Index>{100000}, values), Errc::Io, "can't be written"));
            QVERIFY(refused(writeAtomically(folder.file("small.txt"), std::string(5000, 'x')), Errc::Io, "can't be written"));
            QVERIFY(refused(writeSafetensors(folder.file("b.safetensors"), {{"q", {100000}, values}}), Errc::Io, "can't be written"));
        }
        QCOMPARE(readAll(folder.file("a.npy")), std::string("before"));
        QCOMPARE(folder.names(), QStringList{"a.npy"});
    }

    void unwritablePlacesAreNamed()
    {
        const TempFolder folder;
        QVERIFY(refused(writeAtomically(folder.file("missing/a.txt"), "x"), Errc::Io, "missing/a.txt"));
        if (QFileInfo::exists("/sys/kernel")) // not even root may; a bare root file system may lack it
            QVERIFY(refused(writeAtomically("/sys/attnscope.txt", "x"), Errc::Io, "can't be written"));
        QVERIFY(refused(writeAtomically(folder.path(), "x"), Errc::Io, "is a folder"));
        QVERIFY(refused(writeAtomically("/dev/full", "x"), Errc::Io, "not a file"));
        folder.write("plain", "x");
        QVERIFY(refused(writeAtomically(folder.file("plain/a.txt"), "x"), Errc::Io, "can't be written"));
        QCOMPARE(folder.names(), QStringList{"plain"});
    }

    void keepsPermissionsAndLinks()
    {
        const TempFolder folder;
        folder.write("target.txt", "before");
        chmod(folder.file("target.txt").c_str(), 0640);
        std::filesystem::create_symlink("target.txt", folder.file("link.txt"));
        QVERIFY(writeAtomically(folder.file("link.txt"), "after").ok());
        QVERIFY(std::filesystem::is_symlink(folder.file("link.txt")));
        QCOMPARE(readAll(folder.file("target.txt")), std::string("after"));
        struct stat status {};
        QCOMPARE(stat(folder.file("target.txt").c_str(), &status), 0);
        QCOMPARE(int(status.st_mode & 0777), 0640);
    }
};

static const attnscope::tests::RegisterTest<TestAtomicFile> registered("test_atomic_file");

#include "test_atomic_file.moc"
