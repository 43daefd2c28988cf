// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/explorer.h"

#include "ui/architecture/architecture_files.h"
#include "ui/architecture/architecture_link.h"
#include "ui/headless_export.h"
#include "ui/main_window.h"
#include "ui/outlined_style.h"
#include "ui/session_controller.h"

#include <QApplication>
#include <QDir>
#include <QEventLoop>

#include <algorithm>
#include <cstdio>

namespace attnscope {

namespace {

int exitCode(Errc code)
{
    switch (code) {
    case Errc::InvalidShape:
    case Errc::InvalidParam:
    case Errc::Io:
    case Errc::Parse:
        return 3;
    case Errc::Unsupported:
    case Errc::OutOfMemory:
        return 4;
    case Errc::Cancelled:
        return 5;
    case Errc::Device:
        break;
    }
    return 1;
}

} // namespace

int runExplorer(std::vector<const Backend*> backends, const std::string& cudaNote, const QStringList& files)
{
    QApplication::setStyle(new OutlinedStyle);
    MainWindow window(std::move(backends), cudaNote);
    window.show();
    if (std::all_of(files.begin(), files.end(), [](const QString& file) { return architectureFile(file) == ArchitectureFile::Yes; }))
        window.openExample(); // behind the page of architectures, if there are any
    window.openAll(files);
    if (const auto& input = window.controller().session().input; input.path.empty() && input.text.empty())
        window.openExample(); // behind the sentence about a session that can't be opened
    window.offerLeftovers();
    return QApplication::exec();
}

int exportSession(std::vector<const Backend*> backends, const QString& sessionFile, const QString& folder)
{
    setNoticeHandler([](const std::string& sentence) { std::fprintf(stderr, "%s\n", sentence.c_str()); });
    const bool stacks = architectureFile(sessionFile) == ArchitectureFile::Yes;
    const auto written = stacks ? renderArchitectures(sessionFile, folder) : renderSession(sessionFile, folder, std::move(backends));
    if (!written) {
        std::fprintf(stderr, "%s\n%s\n", written.error().what.c_str(), written.error().hint.c_str());
        return exitCode(written.error().code);
    }
    for (const QString& file : *written)
        std::printf("%s\n", qUtf8Printable(QDir::toNativeSeparators(file)));
    return 0;
}

} // namespace attnscope
