// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/architecture/architecture_link.h"

#include "core/method/registry.h"
#include "core/model/model_folder.h"
#include "ui/actions.h"
#include "ui/architecture/architecture_page.h"
#include "ui/architecture/stack_text.h"
#include "ui/resources.h"
#include "ui/session_controller.h"

#include <QAction>
#include <QDir>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QMainWindow>
#include <QMessageBox>
#include <QPushButton>

namespace attnscope {

namespace {

constexpr qint64 kMostBytes = qint64{16} << 20;

bool describesAStack(const QJsonObject& object)
{
    if (object.contains(QLatin1String("attnscopeSession")))
        return false;
    for (const char* key : {kStackSessionKey, "model_type", "num_hidden_layers", "hidden_size", "hybrid_override_pattern", "layer_types",
                            "n_layer", "n_embd", "text_config", "llm_config", "language_config", "config", "architectures", "d_model"})
        if (object.contains(QLatin1String(key)))
            return true;
    return false;
}

} // namespace

ArchitectureFile architectureFile(const QString& path)
{
    const QFileInfo info(path);
    if (info.isDir()) {
        const QDir folder(path);
        if (!folder.exists(QStringLiteral("config.json")))
            return ArchitectureFile::No;
        const bool weights = !folder.entryList({QStringLiteral("*.safetensors"), QStringLiteral("*.safetensors.index.json")}).isEmpty();
        return weights ? ArchitectureFile::ModelFolder : ArchitectureFile::Yes;
    }
    if (info.suffix().toLower() != QLatin1String("json") || !info.isFile())
        return ArchitectureFile::No;
    if (info.fileName() == QLatin1String("config.json"))
        return ArchitectureFile::Yes;
    QFile file(path);
    if (info.size() > kMostBytes || !file.open(QIODevice::ReadOnly))
        return ArchitectureFile::No;
    return describesAStack(QJsonDocument::fromJson(file.readAll()).object()) ? ArchitectureFile::Yes : ArchitectureFile::No;
}

ArchitectureLink::ArchitectureLink(Actions& actions, SessionController& controller, Settings& settings, QMainWindow& window)
    : QObject(&window), m_controller(controller), m_settings(settings), m_window(window)
{
    connect(actions[Command::Architectures], &QAction::triggered, this, [this] { page().present(); });
    connect(actions[Command::OpenArchitecture], &QAction::triggered, this, [this] { page().askForFiles(); });
    connect(actions[Command::ModelArchitecture], &QAction::triggered, this, &ArchitectureLink::showModel);
}

ArchitectureLink::~ArchitectureLink() = default;

ArchitecturePage& ArchitectureLink::page()
{
    if (!m_page) {
        m_page = std::make_unique<ArchitecturePage>(m_controller.jobs(), m_settings);
        m_page->setAttribute(Qt::WA_QuitOnClose, false);
        connect(m_page.get(), &ArchitecturePage::mixerChosen, this, &ArchitectureLink::showMixer);
    }
    return *m_page;
}

QStringList ArchitectureLink::take(const QStringList& paths)
{
    QStringList left;
    QStringList taken;
    for (const QString& path : paths) {
        const auto kind = architectureFile(path);
        const bool ours = kind == ArchitectureFile::Yes || (kind == ArchitectureFile::ModelFolder && wantsArchitecture(path));
        if (ours)
            taken += path;
        else if (kind == ArchitectureFile::No)
            left += path;
    }
    if (!taken.isEmpty()) {
        page().open(taken);
        page().present();
    }
    return left;
}

bool ArchitectureLink::wantsArchitecture(const QString& folder)
{
    QMessageBox box(QMessageBox::Question, tr("Attnscope"), tr("“%1” is the folder of a model.").arg(QDir(folder).dirName()),
                    QMessageBox::Cancel, &m_window);
    box.setInformativeText(tr("Texts can go through it, or its architecture can be looked at."));
    auto* use = box.addButton(tr("Send texts through it"), QMessageBox::AcceptRole);
    auto* look = box.addButton(tr("Show its architecture"), QMessageBox::AcceptRole);
    box.setDefaultButton(use);
    box.exec();
    if (box.clickedButton() == use)
        m_controller.edit([&](Session& s) { s.input.model = folder.toStdString(); });
    return box.clickedButton() == look;
}

void ArchitectureLink::showModel()
{
    const auto folder = resolveModelFolder(m_controller.session().input.model);
    if (!folder)
        return page().present();
    page().open({QString::fromStdString(folder->string())});
    page().present();
}

void ArchitectureLink::showMixer(const QString& id)
{
    if (!findMethod(id.toStdString()))
        return page().say(tr("%1 has no map of its own here.").arg(recurrentTitle(id.toStdString())));
    if (!m_controller.board().document)
        m_controller.openPath(resourcePath(QStringLiteral("samples/example_session.json")));
    m_controller.edit([&](Session& s) {
        if (s.selected >= s.approximations.size()) {
            s.selected = s.approximations.size();
            s.approximations.emplace_back();
        }
        s.approximations[s.selected] = {id.toStdString(), {}, s.approximations[s.selected].seed};
    });
    m_window.show();
    m_window.raise();
    m_window.activateWindow();
}

} // namespace attnscope
