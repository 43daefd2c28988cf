// SPDX-License-Identifier: GPL-3.0-or-later
// Starts the real attnscope-cli in a folder of its own and keeps what it said.
#pragma once

#include "core/io/npy.h"
#include "core/io/safetensors.h"
#include "support/random_inputs.h"
#include "test_paths.h"

#include <QByteArray>
#include <QDir>
#include <QFile>
#include <QProcess>
#include <QStringList>
#include <QTemporaryDir>

namespace attnscope::tests {

inline QString cliProgram() { return QStringLiteral(ATTNSCOPE_BIN_DIR "/attnscope-cli"); }

struct CliResult {
    int code = -1; ///< -1 where the program crashed or never ended
    QByteArray out;
    QByteArray err;

    /// One sentence and a hint, and nothing else, as every error must be told.
    bool oneSentence() const
    {
        const auto lines = err.split('\n');
        return lines.size() == 3 && lines[0].size() > 10 && lines[0].endsWith('.') && !lines[1].isEmpty() && lines[2].isEmpty();
    }
};

/// A temporary folder, in which the program runs.
class CliFolder {
public:
    CliResult run(const QStringList& arguments, const QByteArray& input = {}) const { return runProgram(cliProgram(), arguments, input); }

    /// The program under a shell command such as "ulimit -f 8".
    CliResult runAfter(const QString& command, const QStringList& arguments) const
    {
        return runProgram(QStringLiteral("/bin/sh"),
                          QStringList{QStringLiteral("-c"), command + QStringLiteral("; exec \"$0\" \"$@\""), cliProgram()} + arguments,
                          {});
    }

    QString path(const QString& name = {}) const { return m_folder.filePath(name); }
    std::filesystem::path file(const QString& name) const { return path(name).toStdString(); }
    bool has(const QString& name) const { return QFile::exists(path(name)); }

    void writeBytes(const QString& name, const QByteArray& bytes) const
    {
        QFile out(path(name));
        if (!out.open(QIODevice::WriteOnly) || out.write(bytes) != bytes.size())
            qFatal("could not write %s", qPrintable(name));
    }
    QByteArray readBytes(const QString& name) const
    {
        QFile in(path(name));
        return in.open(QIODevice::ReadOnly) ? in.readAll() : QByteArray();
    }

    /// Everything in the folder, hidden and temporary files too.
    QStringList listing() const
    {
        return QDir(path()).entryList(QDir::Files | QDir::Dirs | QDir::Hidden | QDir::System | QDir::NoDotAndDotDot, QDir::Name);
    }

private:
    CliResult runProgram(const QString& program, const QStringList& arguments, const QByteArray& input) const
    {
        QProcess process;
        process.setWorkingDirectory(path());
        process.start(program, arguments);
        process.write(input);
        process.closeWriteChannel();
        const bool ended = process.waitForFinished(240'000) && process.exitStatus() == QProcess::NormalExit;
        return {ended ? process.exitCode() : -1, process.readAllStandardOutput(), process.readAllStandardError()};
    }

    QTemporaryDir m_folder;
};

/// Three arrays named q, k, v as safetensors; batch axis only where it isn't 1.
inline void writeInputs(const std::filesystem::path& path, const RandomInputs& data,
                        const std::map<std::string, std::string>& metadata = {})
{
    const auto shapeOf = [](const Tensor& t) {
        std::vector<Index> shape(t.shape().begin(), t.shape().end());
        return t.batch() == 1 ? std::vector<Index>(shape.begin() + 1, shape.end()) : shape;
    };
    if (auto done = writeSafetensors(
            path,
            {{"q", shapeOf(data.q), data.q.values()}, {"k", shapeOf(data.k), data.k.values()}, {"v", shapeOf(data.v), data.v.values()}},
            metadata);
        !done)
        qFatal("%s", done.error().what.c_str());
}

struct Array {
    std::vector<Index> shape;
    std::vector<float> values;
};

/// A written .npy; no shape where it can't be read.
inline Array readArray(const std::filesystem::path& path)
{
    const auto file = openNpy(path);
    if (!file)
        return {};
    Array array{(*file)->arrays().front().shape, {}};
    array.values.resize(static_cast<std::size_t>((*file)->arrays().front().size()));
    return (*file)->readInto(0, array.values) ? array : Array{};
}

} // namespace attnscope::tests
